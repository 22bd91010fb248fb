// Fills <input data-device> with nine plain traits of this browser, so that a sign-in or a decision can be told from another device.
// No canvas, audio, fonts or WebRTC: those track people and change by themselves. Without this script the field stays empty.
async function traits() {
  const ua = navigator.userAgentData;
  let version = "";
  try {
    version = ((await ua.getHighEntropyValues(["platformVersion"])).platformVersion || "").split(".")[0];
  } catch { /* not every browser tells */ }
  const sides = [screen.width, screen.height].map((n) => Math.round(n * devicePixelRatio)).sort((a, b) => b - a);
  return {
    platform: ua?.platform ?? "",
    platform_version: version,
    mobile: ua?.mobile ?? null,
    languages: (navigator.languages ?? []).slice(0, 2),
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone ?? "",
    screen: sides.join("x"),
    colour_depth: screen.colorDepth,
    touch_points: navigator.maxTouchPoints ?? 0,
    pdf_viewer: navigator.pdfViewerEnabled ?? null,
  };
}

const fields = document.querySelectorAll("input[data-device]");
if (fields.length > 0) {
  const text = JSON.stringify(await traits());
  for (const field of fields) field.value = text;
}
