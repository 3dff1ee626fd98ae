/** `//user:password@` of an address. */
const password = /\/\/[^\s/@:]{0,256}:[^\s/@]{1,1024}@/g;
/** RFC 6750, and the tokens themselves (RFC 7519). */
const bearer = /\bBearer\s+[\w.~+/-]{4,}=*/gi;
const jwt = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;
/** As people write them; `package@1.2.3` is none. */
const mail =
  /[\p{L}\p{N}.!#$%&'*+=?^_`{|}~-]{1,64}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}[\p{L}\p{N}-]{1,62}/gu;

/** A net under everything that is logged: addresses of mail, tokens and passwords are recognised by their form. */
export function masked(text: string): string {
  // Most texts have none of it.
  const open = text.includes("@") ? text.replace(password, "//(withheld)@").replace(mail, "(e-mail)") : text;
  return open.replace(bearer, "Bearer (token)").replace(jwt, "(token)");
}

/** With more, nothing that is said is worth the search. */
const mostTexts = 1_000;
const withheld = "(withheld)";

/** Puts these texts, as they are and as JSON writes them, out of what it is given. */
export function putOut(texts: ReadonlySet<string>): (text: string) => string {
  if (texts.size > mostTexts) return () => withheld;
  const searched = [...texts]
    .flatMap((text) => [...new Set([text, JSON.stringify(text).slice(1, -1)])])
    .toSorted((a, b) => b.length - a.length);
  return (text) =>
    searched.reduce((left, each) => (left.includes(each) ? left.replaceAll(each, withheld) : left), text);
}
