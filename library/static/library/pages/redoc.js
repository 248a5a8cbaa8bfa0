const element = document.getElementById("docs");
const fonts = "system-ui, sans-serif";

Redoc.init(
  element.dataset.schema,
  { theme: { typography: { fontFamily: fonts, headings: { fontFamily: fonts } } } },
  element,
);
