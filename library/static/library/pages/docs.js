"use strict";

// Swagger UI shows audio in a player that asks for it once more, which would count a second play.
// This shows the audio that has already come: in a player, and behind a download link.
const AudioAnswers = () => ({
  wrapComponents: {
    responseBody: (Original, system) => (props) => {
      const { content, contentType = "", headers = {} } = props;
      const h = system.React.createElement;
      if (!contentType.startsWith("audio/") || !(content instanceof Blob)) {
        return h(Original, props);
      }
      const source = URL.createObjectURL(content);
      const named = /filename="([^"]*)"/.exec(headers["content-disposition"] || "");
      return h(
        "div",
        { className: "audio-answer" },
        h("h5", null, "Response body"),
        h("audio", { controls: true, src: source, preload: "metadata" }),
        h("a", { href: source, download: named ? named[1] : "clip" }, "Download file"),
      );
    },
  },
});

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

// Whoever is logged in to the back office may write from here; Django wants to know that it is this
// page that asks, and no other site.
const proveOwnPage = (request) => {
  const own = new URL(request.url, window.location.href).origin === window.location.origin;
  const cookie = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
  if (own && cookie) request.headers["X-CSRFToken"] = cookie[1];
  return request;
};

const element = document.getElementById("docs");

window.ui = SwaggerUIBundle({
  url: element.dataset.schema,
  domNode: element,
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  plugins: [AudioAnswers],
  requestInterceptor: proveOwnPage,
});
