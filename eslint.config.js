const browser = [
  "window", "document", "location", "navigator", "history", "localStorage", "WebSocket", "fetch", "performance", "console",
  "setTimeout", "clearTimeout", "setInterval", "clearInterval", "requestAnimationFrame", "cancelAnimationFrame",
  "ResizeObserver", "ImageData", "OffscreenCanvas", "VideoDecoder", "VideoFrame", "EncodedVideoChunk", "HTMLElement", "HTMLCanvasElement",
  "HTMLDialogElement", "TextDecoder", "TextEncoder", "atob", "btoa", "CSSStyleSheet", "Element", "HTMLSpanElement", "Document", "MutationObserver", "URL", "Node", "Event", "queueMicrotask", "crypto", "getComputedStyle", "Notification", "AudioContext",
  "Blob", "ClipboardItem", "DOMException", "File", "Response", "setImmediate",
];

export default [
  {
    files: ["technician_client/console/web/js/**/*.js", "tests/web/**/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries([...browser, "process"].map((name) => [name, "readonly"])),
    },
    rules: {
      "no-undef": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-shadow": "error",
      "max-lines": ["error", 600],
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({
          property,
          message: "Text of devices is inert: only text nodes.",
        })),
        { object: "document", property: "write", message: "Text of devices is inert: only text nodes." },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "Identifier[name='dangerouslySetInnerHTML']", message: "Text of devices is inert: only text nodes." },
        { selector: "Literal[value='dangerouslySetInnerHTML']", message: "Text of devices is inert: only text nodes." },
      ],
    },
  },
];
