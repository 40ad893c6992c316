/** What this browser calls itself in the list of devices: a guess that a person would make too. */

const BROWSERS: [sign: RegExp, name: string][] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(Firefox|FxiOS)\//, "Firefox"],
  [/\b(Chrome|CriOS|HeadlessChrome)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: [sign: RegExp, name: string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "Mac"],
  [/Linux/, "Linux"],
];

export function labelOf(userAgent: string): string {
  const name = (table: [RegExp, string][], other: string) => table.find(([sign]) => sign.test(userAgent))?.[1] ?? other;
  return `${name(BROWSERS, "Browser")} on ${name(SYSTEMS, "an unknown system")}`;
}
