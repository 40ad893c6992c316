// Runs before the page does, and takes the time of what becomes visible. "Painted" is the first task after the frame in
// which the page has drawn it.

const bench = (window.bench = { usable: null, octets: 0 });

const painted = (done) => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done(performance.now());
  channel.port2.postMessage(0);
};

const whenChanged = (place, options, condition, done) => {
  const seen = new MutationObserver(() => {
    if (!condition()) return;
    seen.disconnect();
    done();
  });
  seen.observe(place, { subtree: true, childList: true, ...options });
};

const rows = () => document.querySelector(".xterm-rows");
const lastTick = () => Number([...rows().innerText.matchAll(/tick (\d+)/g)].at(-1)?.[1] ?? 0);

// A person can use it: signed in, the line stands, and the session is there to be chosen.
whenChanged(
  document,
  { attributes: true },
  () => document.querySelector(".connection")?.dataset.kind === "open" && document.querySelector(".row") !== null,
  () => requestAnimationFrame(() => painted((at) => (bench.usable = at))),
);

bench.awaitGlyph = () => {
  const before = rows().textContent;
  let pressed = null;
  addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true, once: true });
  bench.glyph = new Promise((done) => {
    const isThere = () => pressed !== null && rows().textContent !== before;
    whenChanged(rows(), { characterData: true }, isThere, () => painted((at) => done(at - pressed)));
  });
};

bench.awaitEnd = (word) => {
  let last = performance.now(), longest = 0, isOver = false;
  const begun = last;
  const frame = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  bench.end = new Promise((done) =>
    whenChanged(rows(), { characterData: true }, () => rows().innerText.includes(word), () => {
      isOver = true;
      done({ longest: Math.max(longest, performance.now() - last), seconds: (performance.now() - begun) / 1000 });
    }));
};

bench.awaitLife = () => {
  const before = lastTick();
  const lives = () => document.querySelector(".attended")?.dataset.line === "live" && lastTick() > before;
  bench.life = new Promise((done) =>
    addEventListener("online", () => {
      const back = performance.now();
      whenChanged(document, { attributes: true, characterData: true }, lives, () =>
        painted((at) => done((at - back) / 1000)));
    }, { once: true }));
};

window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", ({ data }) => (bench.octets += data.byteLength ?? 0));
  }
};
