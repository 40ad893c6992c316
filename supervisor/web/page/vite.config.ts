import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // nothing from data: URLs but images, and those are files here
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: here("index.html"), offline: here("src/offline/offline.ts") },
      output: {
        // The service worker rules over what lies below it, so it stands at the top and keeps its name.
        entryFileNames: (chunk) => (chunk.name === "offline" ? "offline.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  html: { cspNonce: "RC-NONCE" }, // the box puts another one in its place in every answer
});
