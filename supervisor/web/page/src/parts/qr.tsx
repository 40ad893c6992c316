/** A QR code of a link. Dark on light in both colour schemes: many cameras read nothing else. */

import { encode } from "uqr";

const QUIET = 4; // modules of empty border, by the standard

export function Qr({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: "L", border: 0 });
  let dark = "";
  data.forEach((row, y) => row.forEach((isDark, x) => isDark && (dark += `M${x + QUIET} ${y + QUIET}h1v1h-1z`)));
  return (
    <svg class="qr" role="img" aria-label={label} viewBox={`0 0 ${size + 2 * QUIET} ${size + 2 * QUIET}`} shape-rendering="crispEdges">
      <rect width="100%" height="100%" fill="#fff" />
      <path d={dark} fill="#000" />
    </svg>
  );
}
