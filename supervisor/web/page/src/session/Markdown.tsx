/** An agent's text, drawn: elements are made one by one, and no text is ever read as HTML. */

import type { ComponentChild } from "preact";
import { useMemo } from "preact/hooks";

import { markdown, type Element, type Node } from "./markdown.ts";

export function Markdown({ text }: { text: string }) {
  const nodes = useMemo(() => markdown(text), [text]);
  return <div class="prose">{nodes.map(draw)}</div>;
}

function draw(node: Node, key: number): ComponentChild {
  if (typeof node === "string") return node;
  const children = node.children.map(draw);
  switch (node.tag) {
    case "pre":
      return (
        <pre key={key} tabIndex={0} data-language={node.language}>
          <code>{children}</code>
        </pre>
      );
    case "a":
      return (
        <a key={key} href={node.href ?? ""} target="_blank" rel="noopener noreferrer nofollow">
          {children}
        </a>
      );
    case "table":
      return (
        <div key={key} class="wide" tabIndex={0} role="region" aria-label="Table">
          <table>
            <tbody>{children}</tbody>
          </table>
        </div>
      );
    case "li":
      return <li key={key}>{task(node)}{children}</li>;
    case "ol":
      return <ol key={key} start={node.start ?? 1}>{children}</ol>;
    case "th":
    case "td":
      return <node.tag key={key} data-align={node.align}>{children}</node.tag>;
    default:
      return node.children.length ? <node.tag key={key}>{children}</node.tag> : <node.tag key={key} />;
  }
}

function task(node: Element): ComponentChild {
  if (node.checked === undefined) return null;
  return <span class="task" role="img" aria-label={node.checked ? "done" : "to do"}>{node.checked ? "☑" : "☐"}</span>;
}
