// The rows of the list. Only those in sight, and some around them, are in the page, however many
// there are.
import {
  elementScroll, observeElementOffset, observeElementRect, Virtualizer,
} from '@tanstack/virtual-core';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { go, runHref } from '../route';
import type { Row, RunList } from '../state/run_list';
import { isOpen } from '../state/run_list';
import { useMedia } from './hooks';
import { StatusBadge, Time } from './parts';

const WIDE_PX = 36;
const NARROW_PX = 76;
const AHEAD = 80; // rows, before the end of what is read

interface Props {
  list: RunList;
  ticked: ReadonlySet<string> | null; // null: nothing can be ticked
  onTick(id: string, is: boolean): void;
}

export function RunTable({ list, ticked, onTick }: Props): JSX.Element {
  const rows = list.rows.value;
  const isNarrow = useMedia('(max-width: 760px)');
  const height = isNarrow ? NARROW_PX : WIDE_PX;
  const box = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string | null>(null);
  const virtual = useVirtual(box, rows, height);
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lastShown >= rows.length - AHEAD) void list.more();
  }, [lastShown, rows.length, list]);

  const activeIndex = rows.findIndex((row) => row.id === active);
  const move = (to: number): void => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (row === undefined) return;
    setActive(row.id);
    virtual.scrollToIndex(index, { align: 'auto' });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? height) / height) - 1);
    const steps: Record<string, number> = {
      ArrowDown: activeIndex + 1, j: activeIndex + 1,
      ArrowUp: activeIndex - 1, k: activeIndex - 1,
      PageDown: activeIndex + page, PageUp: activeIndex - page,
      Home: 0, End: rows.length - 1,
    };
    const to = steps[event.key];
    const row = rows[activeIndex];
    if (to !== undefined) move(to);
    else if (event.key === 'Enter' && row !== undefined) go(runHref(row.id));
    else if ((event.key === ' ' || event.key === 'x') && row !== undefined && ticked !== null && isOpen(row)) {
      onTick(row.id, !ticked.has(row.id));
    } else return;
    event.preventDefault();
  };

  return (
    <>
      <p class="small" role="status">
        {list.isLoading.value && rows.length === 0 ? 'Reading the runs …'
          : rows.length === 0 ? 'No run matches.'
            : `${rows.length.toLocaleString('en')} runs read${list.isComplete.value ? ', all that match' : '; scroll for more'}`}
      </p>
      <div class={isNarrow ? 'grid narrow' : 'grid'} role="grid" aria-label="Runs" tabIndex={0} ref={box}
        aria-rowcount={list.isComplete.value ? rows.length + 1 : -1} aria-multiselectable={ticked !== null}
        aria-describedby="grid-help"
        aria-activedescendant={items.some((item) => item.index === activeIndex) ? `row-${active}` : undefined}
        onKeyDown={onKey} onFocus={() => { if (activeIndex === -1) move(virtual.range?.startIndex ?? 0); }}>
        <div role="rowgroup" class="grid-head">
          <div role="row" aria-rowindex={1} class="cells">
            {ticked !== null && <span role="columnheader"><span class="hidden">Ticked</span></span>}
            <span role="columnheader">Status</span>
            <span role="columnheader">Run</span>
            <span role="columnheader">Workflow</span>
            <span role="columnheader">Started</span>
            <span role="columnheader">Ended</span>
            <span role="columnheader">Executor</span>
          </div>
        </div>
        <div role="rowgroup" class="grid-body" style={{ height: `${virtual.getTotalSize()}px` }}>
          {items.map((item) => {
            const row = rows[item.index];
            return row === undefined ? null : (
              <RunRow key={row.id} row={row} index={item.index} top={item.start} height={height}
                isActive={row.id === active} isTicked={ticked === null ? null : ticked.has(row.id)}
                onTick={onTick} onClick={() => setActive(row.id)} />
            );
          })}
        </div>
      </div>
      <p id="grid-help" class="small">
        Arrow keys move, Enter opens{ticked !== null && ', space ticks'}.
      </p>
    </>
  );
}

interface RowProps {
  row: Row;
  index: number;
  top: number;
  height: number;
  isActive: boolean;
  isTicked: boolean | null;
  onTick(id: string, is: boolean): void;
  onClick(): void;
}

function RunRow({ row, index, top, height, isActive, isTicked, onTick, onClick }: RowProps): JSX.Element {
  return (
    <div role="row" id={`row-${row.id}`} aria-rowindex={index + 2} aria-selected={isTicked ?? undefined}
      class={`cells${isActive ? ' active' : ''}`} onClick={onClick}
      style={{ transform: `translateY(${top}px)`, height: `${height}px` }}>
      {isTicked !== null && (
        <span role="gridcell">
          <input type="checkbox" tabIndex={-1} checked={isTicked && isOpen(row)} disabled={!isOpen(row)}
            aria-label={`Tick ${row.id}`}
            // The row's own click would draw it anew, as it was, before its change is heard of.
            onClick={(event) => event.stopPropagation()}
            onChange={(event) => onTick(row.id, event.currentTarget.checked)} />
        </span>
      )}
      <span role="gridcell"><StatusBadge status={row.status} /></span>
      <span role="gridcell" class="grow">
        <a class="id" tabIndex={-1} href={runHref(row.id)} title={row.id}>{row.id}</a>
        {row.isSimulation && <span class="tag">simulation</span>}
      </span>
      <span role="gridcell" title={row.workflowId}>{row.workflowId} v{row.workflowVersion}</span>
      <span role="gridcell"><Time at={row.startedAt} isShort /></span>
      <span role="gridcell">
        {row.finishedAt !== '' && <Time at={row.finishedAt} isShort />}
        {row.stoppedAt !== '' && <span class="tag">stopped</span>}
      </span>
      <span role="gridcell" title={row.holder}>{row.holder}</span>
    </div>
  );
}

/** A virtualizer of rows of one height. Rows that come above those in sight do not move them. */
function useVirtual(
  box: { current: HTMLDivElement | null }, rows: readonly Row[], height: number,
): Virtualizer<HTMLDivElement, Element> {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const ref = useRef<Virtualizer<HTMLDivElement, Element> | null>(null);
  const options = {
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: 8,
    getItemKey: (index: number) => rows[index]?.id ?? index,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(undefined),
  };
  ref.current ??= new Virtualizer(options);
  const virtual = ref.current;
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  useLayoutEffect(() => virtual.measure(), [virtual, height]);

  const before = useRef<{ rows: readonly Row[]; height: number }>({ rows, height });
  useLayoutEffect(() => {
    const old = before.current;
    before.current = { rows, height };
    const element = box.current;
    if (element === null || old.rows === rows || old.height !== height || element.scrollTop <= 0) return;
    // The first row in sight that is still there stays where it is.
    for (let i = Math.floor(element.scrollTop / height); i < old.rows.length; i++) {
      const row = old.rows[i];
      const now = row === undefined ? -1 : indexNear(rows, row, i);
      if (now === -1) continue;
      if (now !== i) element.scrollTop += (now - i) * height;
      return;
    }
  }, [rows, height]);
  return virtual;
}

/** Where a row is now, which was at an index: rows are equal by id, and have hardly moved. */
function indexNear(rows: readonly Row[], row: Row, index: number): number {
  for (let step = 0; step <= rows.length; step++) {
    if (rows[index + step]?.id === row.id) return index + step;
    if (index >= step && rows[index - step]?.id === row.id) return index - step;
    if (index + step >= rows.length && index - step < 0) return -1;
  }
  return -1;
}
