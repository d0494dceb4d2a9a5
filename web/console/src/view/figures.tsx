// How many runs there are by status, which also filters the list, and how many changes a minute.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { STATUSES, type RunFilter, type Status } from '../api/types';
import { go, runsHref } from '../route';
import { isUtc, theme } from '../state/clock';
import { CountModel } from '../state/counts';
import { isHeard, lastMinute, rates, samples } from '../state/rate';
import { useMedia, useModel } from './hooks';
import { StatusBadge } from './parts';

export function Figures({ filter }: { filter: RunFilter }): JSX.Element {
  const model = useModel(() => new CountModel(), 'counts');
  const figures = model.figures.value;
  const chosen = filter.status ?? [];
  const toggle = (status: Status): void => {
    const { status: _old, ...rest } = filter;
    const next = chosen.includes(status) ? chosen.filter((word) => word !== status) : [...chosen, status];
    go(runsHref(next.length === 0 ? rest : { ...rest, status: next }));
  };
  return (
    <section class="figures" aria-label="Figures">
      <div class="tiles" role="group" aria-label="Runs by status; press one to filter">
        {STATUSES.map((status) => (
          <button type="button" key={status} class="tile" aria-pressed={chosen.includes(status)}
            onClick={() => toggle(status)}>
            <span class="number">{figures === null ? '–' : (figures.byStatus.get(status) ?? 0).toLocaleString('en')}</span>
            <StatusBadge status={status} />
          </button>
        ))}
      </div>
      <Rate />
    </section>
  );
}

const HEIGHT_PX = 64;

function Rate(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useMedia('(prefers-color-scheme: dark)');
  const list = samples.value;
  const utc = isUtc.value;
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const axis = { stroke: style.color, grid: { show: false }, ticks: { show: false }, font: '11px system-ui' };
    const made = new uPlot({
      width: element.clientWidth || 240,
      height: HEIGHT_PX,
      cursor: { show: false },
      legend: { show: false },
      ...(utc ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1e3), 'Etc/UTC') } : {}),
      scales: { y: { range: (_u, _min, max) => [0, Math.max(1, max)] } },
      axes: [{ ...axis, size: 20 }, { ...axis, size: 44 }],
      series: [{}, { stroke: style.getPropertyValue('--accent'), width: 1.5, points: { show: false } }],
    }, rates(samples.peek()), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [isDark, utc, theme.value]);
  useEffect(() => plot.current?.setData(rates(list)), [list]);
  const minute = lastMinute(list);
  return (
    <div class="rate">
      <p class="small">
        Changes a minute:{' '}
        {minute === null ? 'counted since this page was opened'
          : !isHeard.value ? 'not known while no feed comes'
            : `${minute.changes.toLocaleString('en')} in the last ${minute.seconds} s`}
      </p>
      <div ref={box} class="plot" aria-hidden="true" />
    </div>
  );
}
