// The page without a server: what is on the pad, fitted, computed and answered.

const BEST = 3; // Classes that are shown.
const MOST = 1 << 26; // Pixels of a picture.
const SIMD = "tfjs-backend-wasm-simd.wasm";
const card = JSON.parse(text("card"));
const familiar = card.calibration?.familiar;
const said = document.querySelector(".answer");
const drawn = { value: null }; // What the pad has: { name, data }, or nothing.
const network = load();
let turn = 0; // Counts what was asked, as answers take a while.

function text(id) {
  return document.getElementById(id).textContent;
}

function bytes(base64) {
  const all = atob(base64);
  const data = new Uint8Array(all.length);
  for (let n = 0; n < all.length; n++) data[n] = all.charCodeAt(n);
  return data;
}

// The network, after a first call, which takes longer.
async function load() {
  const none = "data:application/wasm;base64,";
  tf.setWasmPaths({
    [SIMD]: none + text("wasm"),
    "tfjs-backend-wasm.wasm": none,
    "tfjs-backend-wasm-threaded-simd.wasm": none,
  });
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const simd = globalThis.WebAssembly && (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"));
  if (!simd || !(await tf.setBackend("wasm"))) await tf.setBackend("cpu");
  const weightData = bytes(text("weights")).buffer;
  const artifacts = { ...JSON.parse(text("model")), weightData };
  const { inputs, layers, outputs } = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  const dense = layers.find((x) => x.getClassName() === "Dense" && x.input.shape.length === 2);
  const maps = (familiar?.layers ?? []).map((name) => layers.find((x) => x.name === name).output);
  const features = dense?.input ?? outputs[0];
  const model = tf.model({ inputs, outputs: [outputs[0], features, ...maps] });
  const [height, width, channels] = card.image_shape;
  await call(model, [new Uint8Array(height * width * channels)]);
  return model;
}

// Of images, each a Uint8Array: their probabilities, the features that the network tells
// classes by, and the maps that the card asks for, each one image after the other.
async function call(model, images) {
  const size = images[0].length;
  const all = new Float32Array(images.length * size);
  images.forEach((pixels, n) => all.set(pixels, n * size));
  const out = tf.tidy(() => model.predict(tf.tensor(all, [images.length, ...card.image_shape])));
  const found = await Promise.all(out.map((tensor) => tensor.data()));
  const channels = out.map((tensor) => tensor.shape.at(-1));
  out.forEach((tensor) => tensor.dispose());
  return found.map((data, n) => Object.assign(data, { channels: channels[n] }));
}

function dot(a, b) {
  return a.reduce((sum, value, n) => sum + value * b[n], 0);
}

// As network/familiar.py has it: whether an image is unlike what the network learned from.
function isUnlike(maps, pixels) {
  const v = maps.flatMap((map) => {
    const sums = new Array(map.channels).fill(0);
    map.forEach((value, n) => (sums[n % map.channels] += value));
    return sums.map((sum) => (sum * map.channels) / map.length);
  });
  const { mean, scale, axes, spread, rest, most, blank } = familiar;
  const u = v.map((value, n) => (value - mean[n]) / scale[n]);
  const z = axes.map((axis) => dot(axis, u));
  const inside = z.reduce((sum, value, n) => sum + value ** 2 / spread[n], 0);
  const { data, channels } = pixels;
  const isBlank = blank && data.every((value, n) => value === data[n % channels]);
  return isBlank || !(inside + (dot(u, u) - dot(z, z)) / rest <= most);
}

// The pixels of a picture in a data URL, on white, or on black where nothing is seen on white.
async function decode({ name, data, blob }, channels) {
  let [bitmap, isJpeg] = [];
  try {
    const raw = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
    blob ??= new Blob([bytes(data.slice(data.indexOf(",") + 1))]);
    bitmap = await createImageBitmap(blob, raw);
    const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
    isJpeg = first === 0xff && second === 0xd8;
  } catch {
    throw new Unfit(`${name}: this is no picture, or none that this browser can read.`);
  }
  if (bitmap.width * bitmap.height > MOST) {
    throw new Unfit(`${name}: this picture is too large for a page.`);
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let onWhite;
  for (const paper of ["white", "black"]) {
    context.fillStyle = paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0);
    const seen = context.getImageData(0, 0, canvas.width, canvas.height);
    onWhite ??= seen;
    if (isSeen(ofCanvas(seen, 1).data)) return { ...ofCanvas(seen, channels), isJpeg };
  }
  return { ...ofCanvas(onWhite, channels), isJpeg };
}

function isSeen(gray) {
  let [least, most] = [255, 0];
  for (let n = 0; n < gray.length; n++) {
    if (gray[n] < least) least = gray[n];
    if (gray[n] > most) most = gray[n];
  }
  return most - least >= 16;
}

function chosen(name) {
  return document.querySelector(`input[name=${name}]:checked`)?.value;
}

// The picture on the pad as the network sees it, or null.
async function seen() {
  if (!drawn.value) return null;
  return fitted(await decode(drawn.value, card.image_shape[2]));
}

function fitted(picture) {
  const [height, width, channels] = card.image_shape;
  const isInk = channels === 1 && chosen("how") === "ink";
  if (picture.isJpeg && !isInk) picture = reduced(picture, 2 * Math.max(height, width));
  return fit(picture, card.image_shape, chosen("invert"), chosen("how"));
}

async function answer() {
  const own = ++turn;
  try {
    const found = await seen();
    const computed = found && (await call(await network, [found.pixels.data]));
    if (own !== turn) return;
    if (found) show(found, ...computed);
    else said.textContent = "The three best classes appear here.";
  } catch (error) {
    if (own !== turn) return;
    said.replaceChildren(
      made("p", "error", error instanceof Unfit ? error.message : `The network failed: ${error}`),
    );
  }
}

function made(tag, name, content = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.append(content);
  return element;
}

function show({ pixels, inverted }, own, features, ...maps) {
  const { names, shares } = withTaught(own, features);
  const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a] || a - b);
  const list = document.createElement("ol");
  for (const label of order.slice(0, BEST)) {
    const share = `${(100 * shares[label]).toFixed(2)}%`;
    const name = made("span", "name", names[label]);
    name.dir = "auto";
    const line = made("div", "line", name);
    line.append(made("span", "share", share));
    const bar = made("div", "bar", document.createElement("div"));
    bar.firstChild.style.width = share;
    list.append(document.createElement("li"));
    list.lastChild.append(line, bar);
  }
  const picture = made("figure", "");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [pixels.width, pixels.height];
  const colors = new ImageData(pixels.width, pixels.height);
  for (let n = 0; n < pixels.width * pixels.height; n++) {
    for (let c = 0; c < 3; c++) {
      colors.data[4 * n + c] = pixels.data[n * pixels.channels + (pixels.channels === 3 ? c : 0)];
    }
    colors.data[4 * n + 3] = 255;
  }
  canvas.getContext("2d").putImageData(colors, 0, 0);
  const image = new Image();
  image.src = canvas.toDataURL();
  image.alt = `${pixels.width} x ${pixels.height} pixels`;
  const exchanged = inverted ? ", light and dark exchanged" : "";
  picture.append(image, made("figcaption", "", `What the network sees${exchanged}`));
  said.replaceChildren(list, picture);
  if (familiar && order[0] < own.length && isUnlike(maps, pixels)) {
    said.prepend(made("p", "unknown", "Unlike anything that it was trained on; it can only guess."));
  }
}

const how = document.querySelector(`input[name=how][value=${card.fit}]`);
if (how) how.checked = true;
pad(document.getElementById("pad"), drawn, answer);
document.querySelectorAll("input[type=radio]").forEach((input) => {
  input.addEventListener("change", answer);
});
answer();
try {
  const kept = localStorage.getItem(place);
  if (kept) read(kept).then(changed, (error) => tell(`What was kept cannot be read: ${error}`));
} catch {
  // A browser that keeps nothing has kept nothing.
}
