import { Slider } from 'antd';
import { useMemo, useState } from 'react';
import type { Schemas } from '../../api/client';
import { useGet } from '../../api/use';
import { at } from '../../format';
import { useSpeech } from '../../i18n';
import { called } from '../../names';
import { Loaded, Nothing, Panel, Time } from '../../parts/show';

type Route = Schemas['Route'];

const instant = (text: string): number => (text ? Date.parse(text) : Number.POSITIVE_INFINITY);

// What was added to a path several times is one hop of it.
const hopsOf = (r: Route): string[] => r.path.split(' ').filter((h, i, all) => h !== '' && h !== all[i - 1]);

type Node = { id: string; depth: number; row: number; origin: boolean };

/** layout places routers at the left and each AS after all that come before it. */
function layout(routes: Route[]): { nodes: Node[]; edges: [Node, Node][]; deep: number; high: number } {
  const depth = new Map<string, number>();
  const origins = new Set<string>();
  const links = new Map<string, [string, string]>();
  for (const r of routes) {
    const chain = [r.router, ...hopsOf(r).map((h) => `AS${h.replace(/^AS/, '')}`)];
    if (chain.length > 1) origins.add(chain[chain.length - 1] ?? '');
    chain.forEach((hop, i) => {
      depth.set(hop, Math.max(depth.get(hop) ?? 0, i));
      const next = chain[i + 1];
      if (next) links.set(`${hop} ${next}`, [hop, next]);
    });
  }
  const rows = new Map<number, number>();
  const nodes = [...depth].map(([id, d]) => {
    const row = rows.get(d) ?? 0;
    rows.set(d, row + 1);
    return { id, depth: d, row, origin: origins.has(id) };
  });
  const byId = new Map(nodes.map((n) => [n.id, n]));
  const edges = [...links.values()].map(([a, b]) => [byId.get(a), byId.get(b)]).filter((e): e is [Node, Node] => !!e[0] && !!e[1]);
  return { nodes, edges, deep: Math.max(0, ...depth.values()), high: Math.max(1, ...rows.values()) };
}

const wide = 190;
const tall = 40;

function Graph({ of }: { of: Route[] }) {
  const s = useSpeech();
  const { nodes, edges, deep, high } = useMemo(() => layout(of), [of]);
  const x = (n: Node): number => 10 + n.depth * wide;
  const y = (n: Node): number => 8 + n.row * tall;
  const label = of.map((r) => `${r.prefix}: ${r.path || s.t('none')}`).join('; ');
  return (
    <div className="paths scroll">
      <svg viewBox={`0 0 ${(deep + 1) * wide} ${high * tall + 8}`} style={{ maxWidth: (deep + 1) * wide }} role="img" aria-label={`${s.t('asPaths')}: ${label}`}>
        {edges.map(([a, b]) => <path key={`${a.id} ${b.id}`} className="edge" d={`M${x(a) + 130} ${y(a) + 13}C${x(a) + 160} ${y(a) + 13} ${x(b) - 30} ${y(b) + 13} ${x(b)} ${y(b) + 13}`} />)}
        {nodes.map((n) => (
          <g key={n.id}><rect className={`node ${n.origin ? 'origin' : ''}`} x={x(n)} y={y(n)} width="130" height="26" rx="4" /><text x={x(n) + 65} y={y(n) + 17} textAnchor="middle">{n.id}</text></g>
        ))}
      </svg>
    </div>
  );
}

function Over({ of, window: span }: { of: Route[]; window: Schemas['Window'] }) {
  const s = useSpeech();
  const first = Date.parse(span.from);
  const last = Date.parse(span.to) - 1;
  const [when, setWhen] = useState(last);
  // The instants at which something changed are marked below the slider.
  const marks = useMemo(() => {
    const all = new Set(of.flatMap((r) => [instant(r.from), instant(r.to)]).filter((t) => t > first && t < last));
    return Object.fromEntries([...all].slice(0, 60).map((t) => [t, '']));
  }, [of, first, last]);
  const held = useMemo(() => of.filter((r) => instant(r.from) <= when && when < instant(r.to)), [of, when]);
  return (
    <>
      <div className="slide no-print">
        <span className="dim">{s.t('asPathsHint')}</span>
        <Slider min={first} max={last} step={60_000} value={when} marks={marks} onChange={setWhen} tooltip={{ formatter: (v) => at(new Date(v ?? 0).toISOString()) }} ariaLabelForHandle={s.t('pathTime')} />
        <strong className="num">{at(new Date(when).toISOString())}</strong>
      </div>
      {held.some((r) => r.path) ? <Graph of={held.filter((r) => r.path)} /> : <p className="dim">{s.t('noRoutes')}</p>}
      <div className="scroll tall">
        <table className="plain">
          <thead><tr><th>{s.t('prefix')}</th><th>{s.t('path')}</th><th>{s.t('router')}</th><th>{s.t('peer')}</th><th>{s.t('rpki')}</th><th>{s.t('heldFrom')}</th><th>{s.t('heldTo')}</th></tr></thead>
          <tbody>
            {of.map((r, i) => (
              <tr key={i} className={held.includes(r) ? '' : 'faint'}>
                <td className="mono">{r.prefix}</td>
                <td className="mono">{r.path || <span className="dim">{s.t('none')}</span>}</td>
                <td className="mono">{r.router}</td>
                <td className="mono">{r.peer} <span className="dim">AS{r.peer_as}</span></td>
                <td>{called(s, 'rpki', r.validity)}</td>
                <td><Time of={r.from} /></td>
                <td>{r.to ? <Time of={r.to} /> : s.t('still')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** RoutesPanel shows the paths to the subject, at any instant of the window. */
export function RoutesPanel({ id, window: span }: { id: string; window: Schemas['Window'] }) {
  const s = useSpeech();
  const got = useGet('/api/v1/findings/{id}/routes', { params: { path: { id } } });
  return (
    <Panel title={s.t('asPaths')}>
      <Loaded got={got}>{(of) => (of.length ? <Over of={of} window={span} /> : <Nothing>{s.t('noPaths')}</Nothing>)}</Loaded>
    </Panel>
  );
}
