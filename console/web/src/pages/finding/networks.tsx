import { Segmented, Switch } from 'antd';
import { useMemo, useState } from 'react';
import type { Schemas } from '../../api/client';
import { useGet } from '../../api/use';
import { bytes, count, percent } from '../../format';
import { useSpeech } from '../../i18n';
import { useMe } from '../../me';
import { called, country } from '../../names';
import { Loaded, Nothing, Panel, Raw } from '../../parts/show';

type Pair = Schemas['NetworkPair'];
type Networks = Schemas['Networks'];

/** Remotes adds the pairs up by what is at the far end. */
function Remotes({ of }: { of: Networks }) {
  const s = useSpeech();
  return (
    <div className="scroll tall">
      <table className="plain">
        <thead><tr><th>{s.t('nearEnd')}</th><th>{s.t('farEnd')}</th><th>{s.t('country')}</th><th>{s.t('kind')}</th><th className="num">{s.t('fromCustomer')}</th><th className="num">{s.t('toCustomer')}</th><th className="num">{s.t('shareOfBytes')}</th><th className="num">{s.t('samples')}</th></tr></thead>
        <tbody>
          {of.pairs.map((p) => (
            <tr key={`${p.near} ${p.far}`}>
              <td><Raw>{p.near}</Raw><span className="sub dim"><Raw>{p.near_name}</Raw></span></td>
              <td><Raw>{p.far}</Raw>{p.third_party && <span className="tag-bad">{s.t('thirdParty')}</span>}<span className="sub dim"><Raw>{p.far_name}</Raw></span></td>
              <td>{country(s, p.country)}</td>
              <td>{called(s, 'network', p.kind)}</td>
              <td className="num">{bytes(p.from_customer_bytes)}</td>
              <td className="num">{bytes(p.to_customer_bytes)}</td>
              <td className="num">{percent(p.share, p.error_95)}</td>
              <td className="num">{count(s, p.samples)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const most = 16;

/** Matrix sets near networks against far ones, the darker the more bytes. */
function Matrix({ of }: { of: Networks }) {
  const s = useSpeech();
  const { nears, fars, cells, peak } = useMemo(() => {
    const total = (key: (p: Pair) => string): string[] => {
      const sums = new Map<string, number>();
      for (const p of of.pairs) sums.set(key(p), (sums.get(key(p)) ?? 0) + p.share);
      return [...sums].sort((a, b) => b[1] - a[1]).slice(0, most).map(([k]) => k);
    };
    const known = new Map(of.pairs.map((p) => [`${p.near} ${p.far}`, p]));
    return { nears: total((p) => p.near), fars: total((p) => p.far), cells: known, peak: Math.max(...of.pairs.map((p) => p.share), 0) || 1 };
  }, [of]);
  return (
    <div className="scroll">
      <table className="matrix">
        <caption className="dim">{s.t('shareOfBytes')}</caption>
        <thead><tr><th>{s.t('farEnd')} \ {s.t('nearEnd')}</th>{nears.map((n) => <th key={n} scope="col"><Raw>{n}</Raw></th>)}</tr></thead>
        <tbody>
          {fars.map((f) => (
            <tr key={f}>
              <th scope="row"><Raw>{f}</Raw></th>
              {nears.map((n) => {
                const p = cells.get(`${n} ${f}`);
                const level = p ? 1 + Math.floor((4.999 * p.share) / peak) : 0;
                return <td key={n} className={`m${level}`} title={p ? `${n} ↔ ${f}: ${percent(p.share, p.error_95)}` : undefined}>{p ? percent(p.share) : ''}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** NetworksPanel shows with whom the line spoke. Reading third parties unmasked
 * is asked for each time, as it is recorded. */
export function NetworksPanel({ id }: { id: string }) {
  const s = useSpeech();
  const { can } = useMe();
  const [how, setHow] = useState<'list' | 'matrix'>('list');
  const [unmasked, setUnmasked] = useState(false);
  const got = useGet('/api/v1/findings/{id}/networks', { params: { path: { id }, query: unmasked ? { unmasked: true } : {} } });
  return (
    <Panel
      title={s.t('remoteNetworks')}
      note={got.data && got.data.pairs.length > 0 ? `${bytes(got.data.total_bytes)} · ${s.t('samplesOf', { n: count(s, got.data.samples) })}` : undefined}
      extra={
        <>
          {can('unmasked') && <label title={s.t('unmaskedNote')} className="no-print"><Switch size="small" checked={unmasked} onChange={setUnmasked} /> {s.t('unmasked')}</label>}
          <Segmented className="no-print" size="small" value={how} onChange={setHow} options={[{ value: 'list', label: s.t('remoteNetworks') }, { value: 'matrix', label: s.t('pairs') }]} />
        </>
      }
    >
      <Loaded got={got}>
        {(of) =>
          of.pairs.length === 0 ? <Nothing>{s.t('noNetworks')}</Nothing> : (
            <>
              {how === 'list' ? <Remotes of={of} /> : <Matrix of={of} />}
              {of.left_out > 0 && <p className="dim">{s.t('leftOut', { n: of.left_out })}</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
