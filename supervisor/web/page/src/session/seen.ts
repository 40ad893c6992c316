/**
 * How much of a session is in view while a phone's keyboard lies over the page: iOS lets it cover the lower part
 * instead of making the page smaller, and the keys that a terminal needs are just there.
 */

import { useEffect } from "preact/hooks";

const KEYBOARD = 120; // pixels; less than any, more than bars of the browser that come and go

export function useSeenHeight(): void {
  useEffect(() => {
    const view = window.visualViewport;
    if (!view) return;
    const root = document.documentElement;
    const fit = () => {
      const covered = view.scale === 1 && innerHeight - view.height > KEYBOARD;
      if (covered) root.style.setProperty("--seen", `${view.height}px`);
      else root.style.removeProperty("--seen");
      if (covered) scrollTo(0, 0); // it has moved the page up, to show what has the focus
    };
    view.addEventListener("resize", fit);
    return () => {
      view.removeEventListener("resize", fit);
      root.style.removeProperty("--seen");
    };
  }, []);
}
