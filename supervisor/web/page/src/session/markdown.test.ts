import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST, markdown, safeLink, type Node } from "./markdown.ts";

/** The tree in one line, as `tag[children]`. */
function drawn(nodes: Node[]): string {
  return nodes
    .map((node) => (typeof node === "string" ? node : `${node.tag}[${node.href ? `${node.href}|` : ""}${drawn(node.children)}]`))
    .join("");
}

const CASES: [string, string, string][] = [
  ["a paragraph", "Hello **you** and _me_ ~~not~~ `x<1`", "p[Hello strong[you] and em[me] del[not] code[x<1]]"],
  ["headings stand below the session's own", "# A\n###### B", "h3[A]h6[B]"],
  ["a line break is one", "a\nb", "p[abr[]b]"],
  ["a block of code", "```js\n<b>\n```", "pre[<b>]"],
  ["a quote", "> a", "blockquote[p[a]]"],
  ["a rule", "---", "hr[]"],
  ["lists", "- a\n- b\n  1. c", "ul[li[a]li[bol[li[c]]]]"],
  ["a loose list", "- a\n\n- b", "ul[li[p[a]]li[p[b]]]"],
  ["a table", "|a|b|\n|-|-:|\n|1|2|", "table[tr[th[a]th[b]]tr[td[1]td[2]]]"],
  ["a link", "[x](https://a.example/b)", "p[a[https://a.example/b|x]]"],
  ["an address", "see https://a.example", "p[see a[https://a.example/|https://a.example]]"],
  ["a script stays text", "a <script>alert(1)</script>", "p[a <script>alert(1)</script>]"],
  ["a block of HTML stays text", "<div onclick=x>\nhi\n</div>", "p[<div onclick=x>\nhi\n</div>]"],
  ["a link to a script is none", "[x](javascript:alert(1))", "p[span[x]]"],
  ["a link to data is none", "[x](data:text/html,x)", "p[span[x]]"],
  ["a path is no link", "[x](src/a.ts)", "p[span[x]]"],
  ["an image is a link", "![alt](https://a.example/i.png)", "p[a[https://a.example/i.png|alt]]"],
  ["an image of a script is text", "![](javascript:x)", "p[span[javascript:x]]"],
  ["references are characters", "a &amp; b &lt; &#65;&#x42; &unknown;", "p[a & b < AB &unknown;]"],
  ["escapes are characters", "\\*a\\*", "p[*a*]"],
  ["a reference that nobody defines is text", "[x][y]", "p[[x][y]]"],
];

for (const [name, text, tree] of CASES) {
  test(name, () => assert.equal(drawn(markdown(text)), tree));
}

test("what a list and a table say besides is kept", () => {
  assert.deepEqual(markdown("3. a"), [{ tag: "ol", start: 3, children: [{ tag: "li", children: ["a"] }] }]);
  const [tasks] = markdown("- [ ] a\n- [x] b");
  assert.deepEqual(typeof tasks === "object" && tasks.children.map((item) => typeof item === "object" && item.checked), [
    false,
    true,
  ]);
  assert.deepEqual(markdown("```c++ x\na\n```"), [{ tag: "pre", children: ["a"], language: "c++" }]);
  const [table] = markdown("|a|\n|-:|");
  assert.ok(typeof table === "object" && typeof table.children[0] === "object");
  assert.deepEqual(table.children[0].children, [{ tag: "th", children: ["a"], align: "right" }]);
});

test("half of a text is drawn as far as it goes", () => {
  const whole = "# T\n\n**b** `c`\n\n```js\nx\n```\n\n|a|\n|-|\n|1|\n";
  for (let end = 0; end <= whole.length; end += 1) assert.ok(Array.isArray(markdown(whole.slice(0, end))));
});

test("what is too long or too deep is shown as it was written", () => {
  const long = "*a* ".repeat(MOST);
  assert.deepEqual(markdown(long), [{ tag: "pre", children: [long] }]);
  const deep = ">".repeat(50_000);
  assert.ok(markdown(deep).length >= 1);
});

test("only addresses that lead to a page or a mailbox are links", () => {
  assert.equal(safeLink("HTTPS://A.example/"), "https://a.example/");
  assert.equal(safeLink("mailto:a@b.example"), "mailto:a@b.example");
  for (const href of ["javascript:x", " javascript:x", "java\nscript:x", "vbscript:x", "file:///etc/passwd", "//a.example", "#x", ""]) {
    assert.equal(safeLink(href), null, href);
  }
});
