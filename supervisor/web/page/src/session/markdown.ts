/**
 * What an agent writes, as a tree of a few kinds of nodes that are safe to draw. Whatever is not on the list comes
 * out as the characters that were written: HTML above all. Nothing is ever loaded from elsewhere; an image is a link.
 */

import { Lexer, type Token, type Tokens } from "marked";

export type Block = "p" | "blockquote" | "pre" | "hr" | "ul" | "ol" | "li" | "table" | "tr" | "th" | "td";
export type Heading = "h3" | "h4" | "h5" | "h6";
export type Inline = "strong" | "em" | "del" | "code" | "a" | "br" | "span";
export type Tag = Block | Heading | Inline;

export interface Element {
  tag: Tag;
  children: Node[];
  href?: string;
  align?: "left" | "right" | "center";
  start?: number; // of an ordered list
  checked?: boolean; // of a task in a list
  language?: string; // of a block of code
}

export type Node = string | Element;

export const MOST = 200_000; // characters; what is longer is shown as it was written

const SCHEMES = new Set(["http:", "https:", "mailto:"]);
// A session has an h1 and its parts h2, so that what an agent calls the top is below.
const HEADINGS: Heading[] = ["h3", "h4", "h5", "h6", "h6", "h6"];
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** The tree of a text. Never throws: what cannot be read is one paragraph. */
export function markdown(text: string): Node[] {
  if (text.length > MOST) return [{ tag: "pre", children: [text] }];
  try {
    return blocks(new Lexer({ gfm: true, breaks: true }).lex(text));
  } catch {
    return [{ tag: "p", children: [text] }]; // nested deeper than the stack
  }
}

/** The address, where a person may be led there; else null. */
export function safeLink(href: string): string | null {
  try {
    const url = new URL(href); // without a base: a path in a workspace is no place in a browser
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function element(tag: Tag, children: Node[], more: Partial<Element> = {}): Element {
  return { tag, children, ...more };
}

function blocks(tokens: Token[]): Node[] {
  return tokens.flatMap(block);
}

function block(token: Token): Node[] {
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "heading":
      return [element(HEADINGS[(token as Tokens.Heading).depth - 1] ?? "h6", inlines(token.tokens))];
    case "paragraph":
      return [element("p", inlines(token.tokens))];
    case "blockquote":
      return [element("blockquote", blocks(token.tokens ?? []))];
    case "code":
      return [element("pre", [(token as Tokens.Code).text], language((token as Tokens.Code).lang))];
    case "hr":
      return [element("hr", [])];
    case "list":
      return [list(token as Tokens.List)];
    case "table":
      return [table(token as Tokens.Table)];
    case "html":
      return [element("p", [token.raw.trimEnd()])];
    default:
      return inline(token);
  }
}

function language(written: string | undefined): Partial<Element> {
  const word = /^[\w+#.-]{1,30}/.exec(written ?? "")?.[0];
  return word ? { language: word } : {};
}

function list(token: Tokens.List): Element {
  const items = token.items.map((item) => {
    const more = item.task ? { checked: item.checked === true } : {};
    return element("li", blocks(item.tokens), more);
  });
  if (!token.ordered) return element("ul", items);
  return element("ol", items, typeof token.start === "number" && token.start !== 1 ? { start: token.start } : {});
}

function table(token: Tokens.Table): Element {
  const row = (cells: Tokens.TableCell[], tag: "th" | "td") =>
    element(
      "tr",
      cells.map((cell) => element(tag, inlines(cell.tokens), cell.align ? { align: cell.align } : {})),
    );
  return element("table", [row(token.header, "th"), ...token.rows.map((cells) => row(cells, "td"))]);
}

function inlines(tokens: Token[] | undefined): Node[] {
  return (tokens ?? []).flatMap(inline);
}

function inline(token: Token): Node[] {
  switch (token.type) {
    case "strong":
    case "em":
    case "del":
      return [element(token.type, inlines(token.tokens))];
    case "codespan":
      return [element("code", [(token as Tokens.Codespan).text])];
    case "br":
      return [element("br", [])];
    case "escape":
      return [(token as Tokens.Escape).text];
    case "link":
      return [link((token as Tokens.Link).href, inlines(token.tokens))];
    case "image":
      return [link((token as Tokens.Image).href, [(token as Tokens.Image).text || (token as Tokens.Image).href])];
    case "text":
      return token.tokens ? inlines(token.tokens) : [plain((token as Tokens.Text).text)];
    case "checkbox":
      return []; // the item has it
    default:
      return [token.raw];
  }
}

function link(href: string, children: Node[]): Element {
  const safe = safeLink(href);
  return safe === null ? element("span", children) : element("a", children, { href: safe });
}

/** Text with its character references replaced; ones that nobody uses in prose stay as they are. */
function plain(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-z]{2,5}));/g, (whole, decimal, hex, name) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
