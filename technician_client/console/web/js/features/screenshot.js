// One picture of what is shown, pixel for pixel: into a file, and onto this computer's clipboard where the browser lets us.

/** @param {string} label @param {Date} now */
export function screenshotName(label, now) {
  const plain = label.replace(/[^A-Za-z0-9-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  const stamp = now.toISOString().replace(/[-:]/g, "").replace(/\..*/, "").replace("T", "-");
  return `${plain || "device"}-${stamp}.png`;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} name of the file
 * @returns {Promise<"copied" | "saved">} whether it is on the clipboard too
 */
export async function takeScreenshot(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("This browser could not make a picture of the screen.");
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    return "copied";
  } catch {
    return "saved";
  }
}
