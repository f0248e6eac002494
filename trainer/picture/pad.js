// Paper to draw on, that takes pictures too. Gradio runs this once the pad is in the
// page, and gives it `element`, the pad; `props`, whose `value` goes to Python; and
// `trigger`, which sends it there.
const canvas = element.querySelector("canvas");
const hint = element.querySelector(".hint");
const input = element.querySelector("input[type=file]");
const color = element.querySelector("input[type=color]"); // Of networks for color.
const camera = element.querySelector(".camera");
const video = element.querySelector("video");
const pen = canvas.getContext("2d", { willReadFrequently: true });
const dark = element.querySelector(".dark-paper");
const LARGEST = 32 * 1024 * 1024; // Bytes of a picture; the server takes no more.
const WIDTH = 0.07; // Of a stroke, as a share of the pad's shorter side.
let drawn = false; // Whether what is on the pad was drawn; a picture is not drawn on.
let last = null; // The stroke's last point.
let turn = 0; // Counts what was on the pad, as pictures take a while to come.

function wipe() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  video.hidden = true;
  camera.textContent = "Camera";
  pen.fillStyle = dark ? "black" : "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  hint.textContent = "";
  drawn = false;
  turn++;
}

function send(name, data) {
  props.value = data && { name, data };
  trigger("input");
}

function clear() {
  wipe();
  hint.textContent = hint.dataset.empty;
  send("", null);
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  return [
    ((event.clientX - box.left) * canvas.width) / box.width,
    ((event.clientY - box.top) * canvas.height) / box.height,
  ];
}

function lineTo([x, y]) {
  pen.strokeStyle = pen.fillStyle = color?.value ?? (dark ? "white" : "black");
  pen.lineWidth = WIDTH * Math.min(canvas.width, canvas.height);
  pen.lineCap = "round";
  pen.beginPath(); // A line of no length has no ends in every browser.
  pen.arc(x, y, pen.lineWidth / 2, 0, 2 * Math.PI);
  pen.fill();
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(x, y);
  pen.stroke();
  last = [x, y];
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button || last) return; // Another button, or a second finger.
  canvas.setPointerCapture(event.pointerId);
  if (!drawn) wipe();
  drawn = true;
  last = point(event);
  lineTo(last);
});
canvas.addEventListener("pointermove", (event) => {
  if (!last || !canvas.hasPointerCapture(event.pointerId)) return;
  const all = event.getCoalescedEvents?.() ?? [];
  for (const one of all.length ? all : [event]) lineTo(point(one));
});
canvas.addEventListener("lostpointercapture", () => {
  last = null;
  send("drawing", canvas.toDataURL("image/png"));
});

async function show(file) {
  wipe();
  last = null;
  if (file.size > LARGEST) {
    send("", null);
    hint.textContent = `${file.name} is larger than 32 MB`;
    return;
  }
  const own = turn;
  const reader = new FileReader();
  reader.onload = () => own === turn && send(file.name, reader.result);
  reader.onerror = () => (hint.textContent = `${file.name} cannot be read`);
  reader.readAsDataURL(file);
  try {
    const picture = await createImageBitmap(file);
    if (own !== turn) return;
    const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    pen.imageSmoothingEnabled = scale < 1;
    pen.drawImage(picture, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
  } catch {
    // Python reads more kinds than browsers show.
    if (own === turn) hint.textContent = file.name;
  }
}

function take(event, transfer) {
  const file = transfer?.files[0];
  if (!file) return;
  event.preventDefault();
  show(file);
}

camera.hidden = !navigator.mediaDevices?.getUserMedia; // As over plain HTTP.
camera.addEventListener("click", async () => {
  if (video.srcObject) {
    const still = document.createElement("canvas");
    [still.width, still.height] = [video.videoWidth, video.videoHeight];
    still.getContext("2d").drawImage(video, 0, 0);
    still.toBlob((blob) => show(new File([blob], "photo.png")));
    return;
  }
  clear();
  const own = turn;
  try {
    const facing = { facingMode: "environment" };
    const stream = await navigator.mediaDevices.getUserMedia({ video: facing });
    if (own !== turn) return stream.getTracks().forEach((track) => track.stop());
    video.srcObject = stream;
    await video.play();
    hint.textContent = "";
    video.hidden = false;
    camera.textContent = "Take picture";
  } catch {
    if (own === turn) hint.textContent = "No camera can be used here";
  }
});

// On the whole page, since a browser leaves it for a file that misses the pad.
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event, event.dataTransfer);
});
document.addEventListener("paste", (event) => take(event, event.clipboardData));
input.addEventListener("change", (event) => {
  take(event, input);
  input.value = ""; // So that the same file can be chosen again.
});
element.querySelector(".clear").addEventListener("click", clear);
wipe();
hint.textContent = hint.dataset.empty;
