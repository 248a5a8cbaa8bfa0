// Slow parts of the dashboard are fetched after the page has loaded.
async function fetchPart(part) {
  try {
    const response = await fetch(part.dataset.part, { headers: { Accept: "text/html" } });
    if (response.redirected) {
      location.reload(); // the session has ended: the server redirects to the log-in
      return;
    }
    if (!response.ok) throw new Error(response.status);
    part.innerHTML = await response.text();
  } catch {
    part.textContent = "Temporarily unavailable. ";
    const retry = document.createElement("button");
    retry.type = "button";
    retry.textContent = "Try again";
    retry.addEventListener("click", () => fetchPart(part));
    part.append(retry);
  }
  part.removeAttribute("aria-busy");
}

// Colours follow the theme, which can change between light and dark while the page is open.
function colour(name) {
  return getComputedStyle(document.querySelector(".dashboard")).getPropertyValue(name).trim();
}

function draw(canvas) {
  const days = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
  const chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: days.map((day) => day.day),
      datasets: [
        {
          label: "Plays",
          data: days.map((day) => day.plays),
          backgroundColor: () => colour("--clips-accent"),
          borderRadius: 3,
        },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: false } },
      scales: {
        x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
        y: {
          beginAtZero: true,
          border: { display: false },
          ticks: { precision: 0, maxTicksLimit: 5 },
        },
      },
    },
  });
  function paint() {
    for (const scale of Object.values(chart.options.scales)) {
      scale.ticks.color = colour("--clips-quiet");
      scale.grid.color = colour("--clips-line");
    }
    chart.update();
  }
  paint();
  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["class"] });
}

Chart.defaults.font.family = "Inter"; // the theme's
for (const part of document.querySelectorAll("[data-part]")) fetchPart(part);
for (const canvas of document.querySelectorAll("[data-chart]")) draw(canvas);
