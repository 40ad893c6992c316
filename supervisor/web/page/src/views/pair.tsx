/** Pair this browser with the box: by a link that was opened, or by a code that is typed. */

import { useEffect, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { asCode, isCode, spaced } from "../device/commitment.ts";
import { canMakeKeys } from "../device/key.ts";
import { labelOf } from "../device/label.ts";
import type { PairingLink } from "../device/link.ts";
import { askedBefore, askToPair, giveUp, waitUntilAccepted, type Asked, type Invitation } from "../device/pairing.ts";
import { go, Link, path } from "../parts/router.tsx";
import { Trouble } from "../parts/trouble.tsx";

interface Props {
  /** The link that the page was opened with; it works once. */
  link: PairingLink | null;
  used: () => void;
  /** Why this browser is not, or not any more, let in. */
  why: Problem | null;
  /** Whether it is in, and only came here. */
  already: boolean;
  paired: () => void;
}

export function Pair({ link, used, why, already, paired }: Props) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [busy, setBusy] = useState(link !== null && !already);
  const [problem, setProblem] = useState<Problem | null>(null);

  const ask = async (invitation: Invitation) => {
    setBusy(true);
    setProblem(null);
    try {
      setAsked(await askToPair(invitation, labelOf(navigator.userAgent)));
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  const failed = (error: unknown) => {
    setAsked(null);
    setProblem(asProblem(error));
  };
  const follow = (opened: PairingLink) => {
    used();
    void ask(opened);
  };
  useEffect(() => {
    if (!canMakeKeys() || already) return;
    if (link !== null) follow(link);
    else askedBefore().then((before) => before && setAsked(before), failed);
  }, []);

  if (!canMakeKeys()) return <Insecure />;
  if (asked !== null) return <TypeThis asked={asked} paired={paired} failed={failed} />;
  return (
    <main class="alone">
      <Mark />
      <h1>Pair this browser with the box</h1>
      {already && !busy && (
        <p>
          It is paired already: <Link to="/">open the sessions</Link>.
          {link !== null && <button type="button" class="quiet" onClick={() => follow(link)}>Pair it again by this link</button>}
        </p>
      )}
      {busy ? <p role="status">Asking the box…</p> : <CodeForm ask={ask} />}
      <Trouble problem={problem ?? (why?.code === "unauthenticated" ? why : null)} />
    </main>
  );
}

function CodeForm({ ask }: { ask: (invitation: Invitation) => void }) {
  const [code, setCode] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (isCode(code)) ask({ code });
  };
  return (
    <>
      <p>
        At the box, press <kbd>Space</kbd> on the screen of <code>rc serve</code>, or run <code>rc pair</code>. Scan the QR code
        with this device, open the link, or type the code here.
      </p>
      <form class="codeform" onSubmit={submit}>
        <label for="code">Code</label>
        <input
          id="code" class="code" value={code} placeholder="XXXX-XXXX" autocomplete="off" autocapitalize="characters" autocorrect="off"
          spellcheck={false} maxLength={12} onInput={(event) => setCode((event.currentTarget.value = asCode(event.currentTarget.value)))}
        />
        <button type="submit" class="main" disabled={!isCode(code)}>Pair</button>
      </form>
    </>
  );
}

function TypeThis({ asked, paired, failed }: { asked: Asked; paired: () => void; failed: (error: unknown) => void }) {
  useEffect(() => {
    const leaving = new AbortController();
    const done = () => {
      if (path.value === "/pair") go("/", "replace");
      paired();
    };
    waitUntilAccepted(asked, leaving.signal).then(done, (error: unknown) => leaving.signal.aborted || failed(error));
    return () => leaving.abort();
  }, [asked]);
  const again = () => void giveUp().then(() => location.replace("/pair"), failed);
  return (
    <main class="alone">
      <Mark />
      <h1>Type this number at the box</h1>
      <p class="number" role="status" aria-label={[...asked.number].join(" ")}>{spaced(asked.number)}</p>
      <p>On the screen of <code>rc serve</code>, or in a shell there:</p>
      <p><code class="command">rc pair --accept {asked.number}</code></p>
      <p class="waiting"><span class="dot" aria-hidden="true" /> Waiting for the box…</p>
      <p class="hint">This browser is let in only when somebody at the box types what stands here.</p>
      <button type="button" class="quiet" onClick={again}>Use another code</button>
    </main>
  );
}

function Insecure() {
  return (
    <main class="alone">
      <Mark />
      <h1>This address cannot be paired</h1>
      <p>Browsers keep keys only for pages that come over https, or from the same machine as <code>localhost</code>. This one came as {location.origin}.</p>
      <p class="hint">
        At the box, <code>rc doctor</code> lists the ways in that are there: a tailnet, a reverse proxy, or a tunnel by{" "}
        <code>ssh -L {location.port || "7420"}:localhost:{location.port || "7420"}</code>.
      </p>
    </main>
  );
}

function Mark() {
  return <span class="mark" aria-hidden="true">›_</span>;
}
