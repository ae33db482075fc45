// The Microphone tab: sound of the microphone goes to the server, 100 ms at a time; its events come back and are shown.
const find = (selector) => element.querySelector(selector);
const stage = find(".stage"), button = find(".record"), state = find(".state"), clock = find(".clock");
const meter = find(".meter"), stable = find(".stable"), tail = find(".tail"), trouble = find(".trouble");
const finals = find(".finals"), following = find(".following"), copy = find(".copy"), clear = find(".clear"), device = find(".device");
const { path, model } = find("[data-path]").dataset;

const CHUNK_MS = 100, QUIETEST_DB = -60, DEAD_PEAK = 1e-4, DEAD_AFTER_MS = 3000, SURE = 0.8, KEPT = 200;
const REFUSALS = {
  NotAllowedError: "The microphone was refused. Allow it for this page (beside the address), then press Record again.",
  NotFoundError: "There is no microphone. Plug one in, then press Record again.",
  NotReadableError: "The microphone cannot be opened: does another program use it?",
  OverconstrainedError: "That microphone is gone. Choose another one in the settings.",
};
// runs on the audio thread: gathers what comes 128 samples at a time
const WORKLET = `registerProcessor("chunks", class extends AudioWorkletProcessor {
  constructor() { super(); this.chunk = new Float32Array(Math.round(sampleRate * ${CHUNK_MS} / 1000)); this.filled = 0; }
  process([input]) {
    let samples = input[0] ?? new Float32Array(128);
    while (samples.length) {
      const taken = samples.subarray(0, this.chunk.length - this.filled);
      this.chunk.set(taken, this.filled);
      this.filled += taken.length;
      samples = samples.subarray(taken.length);
      if (this.filled === this.chunk.length) { this.port.postMessage(this.chunk.slice()); this.filled = 0; }
    }
    return true;
  }
})`;

const page = (window.oyez = { model, commands: "", hasPicture: false, onpicture: () => {}, choose, follow, picture });
let session = null; // what a recording holds open

button.onclick = () => (session ? stop() : record());
clear.onclick = () => { finals.replaceChildren(); offer(); };
copy.onclick = async () => {
  const lines = [...finals.querySelectorAll(".text")].reverse().map((each) => each.textContent);
  await navigator.clipboard.writeText(lines.join("\n"));
  copy.textContent = "Copied";
  setTimeout(() => (copy.textContent = "Copy"), 1500);
};
for (const slider of element.querySelectorAll("input[type=range]")) {
  slider.oninput = () => {
    const percent = slider.className === "sensitivity";
    slider.previousElementSibling.value = percent ? `${Math.round(slider.value * 100)}%` : `${(+slider.value).toFixed(1)} s`;
  };
}

function choose(name) {
  page.model = name;
  if (session) stop();
}

function follow(file) {
  if (file === page.commands) return;
  page.commands = file;
  following.hidden = !file;
  if (session) stop();
}

function picture() {
  if (page.socket?.readyState === WebSocket.OPEN) page.socket.send("picture");
}

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

function show(name, text) {
  stage.dataset.state = name;
  state.textContent = text;
  button.setAttribute("aria-pressed", String(name !== "idle"));
  button.querySelector("span").textContent = name === "idle" ? "Record" : "Stop";
}

function say(said, beginning = "") {
  stable.textContent = beginning;
  tail.textContent = said.slice(beginning.length);
}

function offer() {
  copy.disabled = clear.disabled = !finals.childElementCount;
}

async function record() {
  complain("");
  if (!navigator.mediaDevices) {
    complain("Browsers give the microphone to pages of this computer (http://localhost) and to https pages only.");
    return;
  }
  const mine = (session = {});
  show("waiting", "Waiting for the microphone…");
  try {
    const audio = { channelCount: 1, ...(device.value && { deviceId: { exact: device.value } }) };
    mine.sound = await navigator.mediaDevices.getUserMedia({ audio });
    mine.context = new AudioContext();
    await mine.context.audioWorklet.addModule(URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" })));
  } catch (error) {
    release(mine);
    if (session === mine) end();
    complain(REFUSALS[error.name] ?? `The microphone cannot be used (${error.message || error.name}).`);
    return;
  }
  await listDevices();
  if (session !== mine) return release(mine); // stopped meanwhile
  mine.sound.getAudioTracks()[0].onended = () => {
    if (session === mine) { complain("The microphone was unplugged."); stop(); }
  };
  connect(mine);
}

function connect(mine) {
  const address = new URL(path.slice(1), location.href);
  address.protocol = address.protocol.replace("http", "ws");
  address.search = new URLSearchParams({
    model: page.model, rate: mine.context.sampleRate,
    sensitivity: find(".sensitivity").value, closing_silence: find(".silence").value,
    ...(page.commands && { commands: "" }),
  });
  page.socket?.close();
  const socket = (page.socket = mine.socket = new WebSocket(address));
  socket.onopen = () => {
    if (session !== mine) return;
    if (page.commands) socket.send(page.commands);
    show("listening", "Listening");
    mine.begun = mine.alive = performance.now();
    mine.chunks = new AudioWorkletNode(mine.context, "chunks", { numberOfOutputs: 0 });
    mine.chunks.port.onmessage = ({ data }) => send(mine, data);
    mine.context.createMediaStreamSource(mine.sound).connect(mine.chunks);
  };
  socket.onmessage = ({ data }) => take(mine, JSON.parse(data));
  socket.onclose = () => {
    release(mine);
    if (session !== mine) return;
    end();
    if (trouble.hidden) complain("The connection to Oyez is lost: does it still run? Press Record to try again.");
  };
}

function send(mine, samples) {
  if (session !== mine || mine.socket.readyState !== WebSocket.OPEN) return;
  const pcm = new Int16Array(samples.length);
  let peak = 0, energy = 0;
  samples.forEach((sample, n) => {
    const clipped = Math.max(-1, Math.min(1, sample));
    peak = Math.max(peak, Math.abs(clipped));
    energy += clipped * clipped;
    pcm[n] = Math.round(clipped * 32767);
  });
  mine.socket.send(pcm.buffer);
  const level = Math.max(QUIETEST_DB, 10 * Math.log10(energy / samples.length + 1e-12));
  meter.style.setProperty("--level", 1 - level / QUIETEST_DB);
  meter.setAttribute("aria-valuenow", Math.round(level));
  const now = performance.now(), seconds = Math.floor((now - mine.begun) / 1000);
  clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (peak > DEAD_PEAK) mine.alive = now;
  const dead = now - mine.alive > DEAD_AFTER_MS;
  if (dead !== Boolean(mine.dead)) {
    mine.dead = dead;
    complain(dead ? "No sound at all comes from the microphone. Is it muted?" : "");
  }
}

function take(mine, event) {
  if (event.event === "picture") return page.onpicture(event.svg);
  const ended = event.event === "final" || event.event === "wake";
  if (ended && event.text) add(event);
  if (session !== mine) return;
  if (event.event === "speech") show("speaking", "Speaking");
  if (event.event === "partial") say(event.text, event.stable);
  if (ended) { show("listening", "Listening"); say(""); }
  if (event.event === "stopped") { release(mine); end(); complain(event.text); }
  if (event.event === "error") complain(event.text);
}

function add(final) {
  const row = document.createElement("li"), place = (name, text) => {
    const cell = document.createElement("span");
    cell.className = name;
    cell.textContent = text;
    row.append(cell);
    return cell;
  };
  const tenths = Math.round(final.start * 10), minutes = Math.floor(tenths / 600);
  const seconds = (tenths % 600 / 10).toFixed(1).padStart(4, "0");
  place("time", `${minutes}:${seconds}`);
  if (final.command) {
    const slots = Object.entries(final.slots).map(([name, value]) => ` ${name}=${value}`).join("");
    place("command", final.command + slots);
  } else if (final.refused || final.event === "wake") row.classList.add("refused");
  place("text", final.text).title = final.event === "wake" ? "the wake phrase" : final.refused ?? "";
  const sure = place("confidence", `${Math.round(final.confidence * 100)}%`);
  sure.classList.add(final.confidence >= SURE ? "sure" : "unsure");
  sure.title = "how sure it is";
  finals.prepend(row);
  while (finals.childElementCount > KEPT) finals.lastElementChild.remove();
  page.hasPicture = true;
  offer();
}

function stop() {
  const mine = session;
  if (mine.socket?.readyState === WebSocket.OPEN) {
    show("waiting", "One moment…");
    mine.chunks?.disconnect();
    mine.sound.getTracks().forEach((track) => track.stop());
    mine.socket.send("stop");
  } else {
    release(mine);
    mine.socket?.close();
    end();
  }
}

function release(mine) {
  mine.sound?.getTracks().forEach((track) => track.stop());
  if (mine.context?.state !== "closed") mine.context?.close();
}

function end() {
  session = null;
  show("idle", finals.childElementCount ? "Press Record to go on." : "Press Record and speak.");
  say("");
  clock.textContent = "";
  meter.style.setProperty("--level", 0);
  meter.setAttribute("aria-valuenow", QUIETEST_DB);
}

async function listDevices() {
  const chosen = device.value;
  const inputs = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === "audioinput");
  device.replaceChildren(new Option("The system's choice", ""), ...inputs.map((each) => new Option(each.label, each.deviceId)));
  device.value = chosen;
}
