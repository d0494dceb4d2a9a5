// The workflow as a graph, laid out by dagre, with the node marked that the run's state names.
import dagre from '@dagrejs/dagre';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Json, JsonObject } from '../api/json';

const MOST_DRAWN = 400; // nodes; larger ones are drawn when that is asked for
const CHARACTER_PX = 7.5;
const MOST_CHARACTERS = 28;
const NODE_HEIGHT = 40;
const NAMES = ['node', 'nodeId', 'currentNode', 'currentNodeId', 'current_node'];

interface Node {
  id: string;
  type: string;
  children: string[];
}

export function Graph({ nodes, state }: { nodes: JsonObject; state: JsonObject | null }): JSX.Element {
  const list = useMemo(() => nodesOf(nodes), [nodes]);
  const [isDrawn, setDrawn] = useState(list.length <= MOST_DRAWN);
  const current = currentNode(nodes, state);
  return (
    <>
      {current === '' ? <p class="small">The run’s state names no node.</p>
        : <p class="small">The run’s state names <strong>{current}</strong>.</p>}
      {isDrawn ? <Drawing list={list} current={current} /> : (
        <button type="button" onClick={() => setDrawn(true)}>Draw {list.length.toLocaleString('en')} nodes</button>
      )}
      <details>
        <summary>As a list ({list.length.toLocaleString('en')} nodes)</summary>
        <ul class="nodes">
          {list.slice(0, 2000).map((node) => (
            <li key={node.id}>
              <code>{node.id}</code> ({node.type}){node.id === current && <strong> – named by the state</strong>}
              {node.children.length > 0 && <> → {node.children.join(', ')}</>}
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

function nodesOf(nodes: JsonObject): Node[] {
  return Object.entries(nodes).map(([id, value]) => {
    const body = isObject(value) ? value : {};
    const type = body['type'];
    const children = body['children'];
    return {
      id,
      type: typeof type === 'string' ? type : '?',
      children: Array.isArray(children) ? children.filter((child) => typeof child === 'string') : [],
    };
  });
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The id of the node that the state names: by a member that is called so, else by the only text that is a node's id. */
export function currentNode(nodes: JsonObject, state: JsonObject | null): string {
  if (state === null) return '';
  const isNode = (value: Json | undefined): value is string =>
    typeof value === 'string' && Object.hasOwn(nodes, value);
  for (const name of NAMES) if (isNode(state[name])) return state[name];
  const named = new Set(Object.values(state).filter(isNode));
  const [only] = named;
  return named.size === 1 && only !== undefined ? only : '';
}

function Drawing({ list, current }: { list: Node[]; current: string }): JSX.Element {
  const laid = useMemo(() => layOut(list), [list]);
  return (
    <div class="graph" tabIndex={0} role="group" aria-label="The workflow’s graph">
      <svg width={laid.width} height={laid.height} viewBox={`0 0 ${laid.width} ${laid.height}`}
        role="img" aria-label={`${list.length} nodes; the list below has them in words`}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 8 4 0 8z" class="head" />
          </marker>
        </defs>
        {laid.edges.map((points, i) => <polyline key={i} points={points} class="edge" marker-end="url(#arrow)" />)}
        {laid.nodes.map(({ node, x, y, width }) => (
          <g key={node.id} class={node.id === current ? 'node current' : 'node'}
            transform={`translate(${x - width / 2} ${y - NODE_HEIGHT / 2})`}>
            <title>{node.id} ({node.type})</title>
            <rect width={width} height={NODE_HEIGHT} rx="6" />
            <text x={width / 2} y="17">{short(node.id)}</text>
            <text x={width / 2} y="32" class="type">{node.id === current ? '▶ ' : ''}{short(node.type)}</text>
          </g>
        ))}
      </svg>
    </div>
  );
}

function short(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

interface Laid {
  width: number;
  height: number;
  nodes: { node: Node; x: number; y: number; width: number }[];
  edges: string[];
}

function layOut(list: Node[]): Laid {
  const graph = new dagre.graphlib.Graph({ multigraph: false });
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 36, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const widths = new Map<string, number>();
  for (const node of list) {
    const width = 24 + CHARACTER_PX * Math.max(short(node.id).length, short(node.type).length + 2, 4);
    widths.set(node.id, width);
    graph.setNode(node.id, { width, height: NODE_HEIGHT });
  }
  for (const node of list) {
    for (const child of node.children) if (widths.has(child)) graph.setEdge(node.id, child);
  }
  dagre.layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.max(1, size.width ?? 1),
    height: Math.max(1, size.height ?? 1),
    nodes: list.map((node) => {
      const at = graph.node(node.id) as { x: number; y: number };
      return { node, x: at.x, y: at.y, width: widths.get(node.id) ?? 0 };
    }),
    edges: graph.edges().map((edge) => {
      const { points } = graph.edge(edge) as { points: { x: number; y: number }[] };
      return points.map(({ x, y }) => `${x},${y}`).join(' ');
    }),
  };
}
