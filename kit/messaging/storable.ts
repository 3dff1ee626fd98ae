/** PostgreSQL has no text with NUL, and UTF-8 no half of a surrogate pair: on every engine U+FFFD takes their place. */
export const storable = (text: string): string =>
  isStorable(text) ? text : text.toWellFormed().replaceAll("\0", "\uFFFD");

/** Whether every store and every broker gives the text back as it was. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");
