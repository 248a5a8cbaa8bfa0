// Makes Redoc obey the Content-Security-Policy of its page. Loaded before Redoc.

// Redoc adds style elements. The policy allows those with the nonce of this response.
const { nonce } = document.currentScript;
const createElement = document.createElement;
document.createElement = function (name, options) {
  const element = createElement.call(this, name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
};

// Redoc shows a logo, which it would request from its makers' server. It removes an image that
// cannot be loaded.
const src = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
const setAttribute = Element.prototype.setAttribute;
const fail = (image) => queueMicrotask(() => image.dispatchEvent(new Event("error")));
const isForeign = (address) =>
  new URL(address, window.location.href).host !== window.location.host &&
  !address.startsWith("data:");
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...src,
  set(address) {
    if (isForeign(address)) fail(this);
    else src.set.call(this, address);
  },
});
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name === "src" && isForeign(value)) fail(this);
  else setAttribute.call(this, name, value);
};
