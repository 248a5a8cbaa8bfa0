// Draws a dashboard's panels with Grafana's own components. `window.picture` is what the driver
// asked of Prometheus: {dashboard, note, since, until, answers: {panel id: {ref id: [series]}}}.
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import '@fontsource/roboto-mono/400.css';
import {
  FieldType,
  applyFieldOverrides,
  createTheme,
  dateTime,
  formattedValueToString,
  toDataFrame,
} from '@grafana/data';
import {
  BarGauge,
  BigValue,
  GlobalStyles,
  PanelChrome,
  ThemeContext,
  TimeSeries,
} from '@grafana/ui';
import { createRoot } from 'react-dom/client';

const { dashboard, note, since, until, answers } = window.picture;
const theme = createTheme({ colors: { mode: 'dark' } });
const CELL = 30; // Grafana's grid: pixels of a line, and between two panels
const GAP = 8;
const WIDTH = window.innerWidth;
const column = (WIDTH - GAP) / 24;

const legend = (text, labels) => text.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] ?? '');

/** The frames of a panel, with all that its field configuration says of them. */
function frames(panel) {
  const { defaults, overrides } = panel.fieldConfig;
  const data = panel.targets.flatMap((target) =>
    (answers[panel.id][target.refId] ?? []).map(({ labels, samples }) => {
      const name = legend(target.legendFormat, labels);
      const fixed = overrides
        .filter(({ matcher }) => matcher.options === name)
        .flatMap(({ properties }) => properties)
        .find(({ id }) => id === 'color');
      return toDataFrame({
        refId: target.refId,
        fields: [
          { name: 'Time', type: FieldType.time, values: samples.map(([time]) => time * 1000) },
          {
            name: 'Value',
            type: FieldType.number,
            values: samples.map(([, value]) => value),
            config: {
              ...defaults,
              displayName: name,
              color: fixed?.value ?? defaults.color,
              custom: { lineInterpolation: 'linear', ...defaults.custom },
            },
          },
        ],
      });
    })
  );
  return applyFieldOverrides({
    data,
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

function shown(panel, width, height) {
  const data = frames(panel);
  if (!data.length) {
    return <div className="empty">{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
  }
  if (panel.type === 'timeseries') {
    const timeRange = { from: dateTime(since * 1000), to: dateTime(until * 1000) };
    return (
      <TimeSeries
        frames={data}
        height={height}
        legend={panel.options.legend}
        options={panel.options}
        timeRange={{ ...timeRange, raw: timeRange }}
        timeZone="utc"
        width={width}
      />
    );
  }
  const values = data.map(({ fields: [, field] }) => {
    const value = field.display(field.values.at(-1));
    return { field, value: { ...value, title: field.config.displayName } };
  });
  const share = (height - GAP * (values.length - 1)) / values.length;
  return (
    <div className="values">
      {values.map(({ field, value }) =>
        panel.type === 'bargauge' ? (
          <BarGauge
            display={field.display}
            displayMode={panel.options.displayMode}
            field={{ ...field.config, max: Math.max(...values.map((each) => each.value.numeric)) }}
            height={Math.min(share, 46)}
            key={value.title}
            orientation={panel.options.orientation}
            theme={theme}
            value={value}
            width={width}
          />
        ) : (
          <BigValue
            colorMode={panel.options.colorMode}
            graphMode={panel.options.graphMode}
            height={share}
            key={value.title}
            textMode={panel.options.textMode}
            theme={theme}
            value={value}
            width={width}
          />
        )
      )}
    </div>
  );
}

function Panel({ panel }) {
  const { x, y, w, h } = panel.gridPos;
  const place = { position: 'absolute', left: x * column + GAP, top: y * (CELL + GAP) };
  if (panel.type === 'row') {
    return (
      <div className="row" style={place}>
        ▾ {panel.title}
      </div>
    );
  }
  const [width, height] = [w * column - GAP, h * (CELL + GAP) - GAP];
  return (
    <div style={{ ...place, width, height }}>
      <PanelChrome description={panel.description} height={height} title={panel.title} width={width}>
        {(innerWidth, innerHeight) => shown(panel, innerWidth, innerHeight)}
      </PanelChrome>
    </div>
  );
}

// How many canvases there will be when all is drawn.
window.charts = dashboard.panels.filter(
  (panel) => panel.type === 'timeseries' && frames(panel).length
).length;
const lines = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <header>
      <h1>{dashboard.title}</h1>
      <span>{note}</span>
    </header>
    <main style={{ height: lines * (CELL + GAP) + GAP }}>
      {dashboard.panels.map((panel) => (
        <Panel key={panel.id} panel={panel} />
      ))}
    </main>
  </ThemeContext.Provider>
);
