/** Where the page stands: its path, the same that the box serves the page at. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

export const path = signal(location.pathname);

addEventListener("popstate", () => (path.value = location.pathname));

export function go(to: string, how: "push" | "replace" = "push"): void {
  if (to === path.value) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", to);
  path.value = to;
  scrollTo(0, 0);
}

/** The id in `/code/{id}`. */
export function sessionAt(at: string): string | null {
  const found = /^\/code\/([^/]+)$/.exec(at);
  return found ? decodeURIComponent(found[1]!) : null;
}

interface Props {
  to: string;
  class?: string;
  label?: string;
  data?: string;
  children: ComponentChildren;
}

/** A way within the page; `data` becomes `data-condition`, for the look. */
export function Link({ to, class: look, label, data, children }: Props) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  const current = path.value === to ? "page" : undefined;
  return (
    <a href={to} class={look} aria-label={label} aria-current={current} data-condition={data} onClick={follow}>
      {children}
    </a>
  );
}
