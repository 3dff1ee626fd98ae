const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Longer ones are no characters that anybody reads; they are cut between code points. */
const longestGrapheme = 64;

/** A text of at most `most` UTF-16 units. A longer one is cut between characters as a reader sees them: no emoji and no accent is halved. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const window = Math.max(0, most - longestGrapheme);
  const { index = 0 } = graphemes.segment(text.slice(0, most + longestGrapheme)).containing(most) ?? {};
  if (index > window) return text.slice(0, index);
  const low = text.charCodeAt(most);
  return text.slice(0, low >= 0xdc00 && low <= 0xdfff ? most - 1 : most);
}
