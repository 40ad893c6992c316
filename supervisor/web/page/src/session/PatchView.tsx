/** The lines of a patch. */

import { patchLines } from "./patch.ts";

const MARKS = { context: " ", added: "+", removed: "-", hunk: "", note: "" } as const;
const SAYS = { context: "", added: "added: ", removed: "removed: ", hunk: "", note: "" } as const;

export function PatchView({ body, label }: { body: string; label: string }) {
  return (
    <div class="patch" tabIndex={0} role="region" aria-label={label}>
      <table>
        <tbody>
          {patchLines(body).map((line, index) => (
            <tr key={index} class={line.kind}>
              <td class="at" aria-hidden="true" data-number={line.before ?? ""} />
              <td class="at" aria-hidden="true" data-number={line.after ?? ""} />
              <td class="code">
                {SAYS[line.kind] && <span class="unseen">{SAYS[line.kind]}</span>}
                <span class="sign" aria-hidden="true">{MARKS[line.kind]}</span>
                {line.kind === "hunk" ? `⋯ ${line.text}` : line.text}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
