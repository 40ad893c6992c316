/** Who is let in: the devices that are paired with the box, and how another one gets in. */

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Device } from "../api/types.ts";
import { minute, type Live } from "../live/live.ts";
import { ago } from "../live/times.ts";
import { newDeed, useDeed } from "../parts/deed.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { AddDevice } from "./adddevice.tsx";

const KINDS: Record<Device["kind"], string> = { browser: "browser", cli: "command line", machine: "for scripts" };

const devices = signal<Device[] | null>(null);
const loading = newDeed();

export function Devices({ live }: { live: Live }) {
  const adding = useSignal(false);
  const revoking = useSignal<Device | null>(null);
  const load = () =>
    loading.run(async () => {
      devices.value = (await live.box.request<{ devices: Device[] }>("GET", "/v1/devices")).devices;
    });
  useEffect(() => void load(), [live, live.state.value.kind === "open"]);
  return (
    <div class="form">
      <h1>Devices</h1>
      <p class="hint">Each of these was let in by somebody at the box, or by a device that was.</p>
      <Trouble problem={loading.problem.value} />
      <ul class="rows">
        {devices.value?.map((device) => <Row key={device.id} device={device} revoke={() => (revoking.value = device)} />)}
      </ul>
      {adding.value ? (
        <AddDevice live={live} added={() => void load()} close={() => (adding.value = false)} />
      ) : (
        <div class="actions"><button type="button" class="main" onClick={() => (adding.value = true)}>Add a device</button></div>
      )}
      {revoking.value !== null && (
        <Revoke live={live} device={revoking.value} revoked={() => void load()} close={() => (revoking.value = null)} />
      )}
    </div>
  );
}

function Row({ device, revoke }: { device: Device; revoke: () => void }) {
  const used = device.last_used_at;
  return (
    <li class="row">
      <span class="name">{device.label}</span>
      <button type="button" class="quiet danger" aria-label={`Revoke ${device.label}`} onClick={revoke}>Revoke</button>
      <span class="facts">
        {device.current && <strong>this device · </strong>}
        {KINDS[device.kind] ?? device.kind} · {device.person} · {device.lines > 0 ? "connected" : used === null ? "never used" : <>used <When at={used} /></>} · paired <When at={device.created_at} />
      </span>
    </li>
  );
}

function When({ at }: { at: string }) {
  const time = new Date(at);
  const said = ago(time.getTime(), minute.value);
  return <time dateTime={at} title={time.toLocaleString()}>{said === "just now" ? said : `${said} ago`}</time>;
}

interface Revoking {
  live: Live;
  device: Device;
  revoked: () => void;
  close: () => void;
}

function Revoke({ live, device, revoked, close }: Revoking) {
  const deed = useDeed();
  const revoke = async () => {
    if (!(await deed.run(async () => void (await live.box.request("DELETE", `/v1/devices/${device.id}`))))) return;
    close();
    if (!device.current) revoked();
  };
  return (
    <Dialog title={`Revoke ${device.label}?`} close={close}>
      <p>
        {device.current ? "That is this device: it is shut out at once, and has to be paired again." : "It is shut out at once, with all lines that it has open."}{" "}
        Sessions that it started go on.
      </p>
      <Trouble problem={deed.problem.value} />
      <div class="actions">
        <button type="button" class="danger" disabled={deed.busy.value} onClick={revoke}>Revoke</button>
        <button type="button" onClick={close}>Cancel</button>
      </div>
    </Dialog>
  );
}
