/** Whether a host name or address is this machine's own: `localhost`, `*.localhost` (RFC 6761), 127.0.0.0/8 or ::1, with or without brackets. */
export const isLoopback = (host: string): boolean =>
  /^(?:(?:.+\.)?localhost\.?|\[?::1\]?|\[?(?:::ffff:)?127(?:\.\d{1,3}){3}\]?)$/i.test(host);
