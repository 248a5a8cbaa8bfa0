// Swagger UI shows audio in a player that requests it again, which would count a second play. This
// plugin plays the audio already received and offers it for download.
const AudioResponses = () => ({
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
        { className: "audio-response" },
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

// People logged in to the back office can write from here. Django requires a CSRF token for that,
// which no other site may see.
const addCsrfToken = (request) => {
  const sameOrigin = new URL(request.url, window.location.href).origin === window.location.origin;
  const cookie = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
  if (sameOrigin && cookie) request.headers["X-CSRFToken"] = cookie[1];
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
  plugins: [AudioResponses],
  requestInterceptor: addCsrfToken,
});
