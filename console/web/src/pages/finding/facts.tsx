import type { Finding, Schemas } from '../../api/client';
import { bytes, count, percent, span } from '../../format';
import { useSpeech, type Speech } from '../../i18n';
import { paramText } from '../../parts/param';
import { Nothing, Raw } from '../../parts/show';
import { codeName, factName } from './names';

type Param = Schemas['Param'];

/** valueOf writes a figure with the unit that its name says, and its interval
 * where the finding gives one. */
function valueOf(s: Speech, name: string, value: unknown, facts: Record<string, unknown>): string {
  if (value === null || value === undefined || value === '') return '';
  if (Array.isArray(value)) return value.map((v) => (typeof v === 'object' ? JSON.stringify(v) : codeName(s, name, String(v)))).join(s.lang === 'zh' ? '、' : ', ');
  if (typeof value === 'boolean') return s.t(value ? 'yes' : 'no');
  if (typeof value !== 'number') return typeof value === 'object' ? JSON.stringify(value) : codeName(s, name, String(value));
  if (/asn$|_id$/.test(name)) return String(value);
  if (name === 'counters_ratio') return span(value, facts.counters_ratio_low, facts.counters_ratio_high);
  if (/share/.test(name)) {
    const half = facts[`${name}_half_width`] ?? facts.share_half_width;
    return percent(value, typeof half === 'number' ? half : undefined);
  }
  if (/bytes_per_day/.test(name)) return `${bytes(value)}/${s.lang === 'zh' ? '天' : 'd'}`;
  if (/bytes(_on_busiest_day)?$/.test(name)) return bytes(value);
  if (/relative_error$/.test(name)) return `± ${percent(value)}`;
  if (/^days|_days$|^days_/.test(name)) return `${count(s, value)} ${s.t('days')}`;
  if (/hours$/.test(name)) return `${count(s, value)} ${s.t('unitHours')}`;
  return count(s, value);
}

const shown = (name: string): boolean => !/half_width$|relative_error$|^counters_ratio_(low|high)$/.test(name);

/** Facts sets what was measured against what was declared and what the rule asks
 * for. */
export function Facts({ of, params, rule }: { of: Finding; params: Record<string, unknown> | undefined; rule: Schemas['Rule'] | undefined }) {
  const s = useSpeech();
  const facts = of.facts as Record<string, unknown>;
  const names = Object.keys(facts).filter(shown);
  if (names.length === 0) return <Nothing>{s.t('none')}</Nothing>;
  const declared = names.filter((n) => /^declared_|^filed_|licences_of_holder|^coverage$|^use$|^place$|^allocation$|^holder$|^gateway|^purpose/.test(n));
  const measured = names.filter((n) => !declared.includes(n));
  const used = new Map<string, Param>((rule?.params ?? []).map((p) => [p.name, p]));
  const rows = (list: string[]) =>
    list.map((n) => {
      const text = valueOf(s, n, facts[n], facts);
      return <tr key={n}><th scope="row" title={n}>{factName(s, n)}</th><td>{text === '' ? <span className="dim">{s.t('none')}</span> : <Raw>{text}</Raw>}</td></tr>;
    });
  return (
    <div className="facing">
      <div><h3>{s.t('measured')}</h3><table className="plain facts"><tbody>{rows(measured)}</tbody></table></div>
      <div>
        <h3>{s.t('declared')}</h3>
        {declared.length ? <table className="plain facts"><tbody>{rows(declared)}</tbody></table> : <p className="dim">{s.t('none')}</p>}
        {params && Object.keys(params).length > 0 && (
          <>
            <h3 className="later">{s.t('paramsUsed')}</h3>
            <table className="plain facts"><tbody>{Object.entries(params).map(([n, v]) => <tr key={n}><th scope="row" title={n}>{used.get(n) ? s.pick(used.get(n)?.meaning) : n}</th><td className="num">{typeof v === 'number' ? paramText(s, v, used.get(n)?.unit ?? '') : String(v)}</td></tr>)}</tbody></table>
          </>
        )}
      </div>
    </div>
  );
}
