import { Link } from 'react-router';
import { count } from '../format';
import { useSpeech } from '../i18n';

export type Bar = { key: string; label: string; value: number; to?: string; bad?: boolean; text?: string };

/** Bars compares amounts by length, the longest being the greatest or what is said
 * to be the whole; each leads to what it counts. */
export function Bars({ of, top = 10, whole = 0 }: { of: Bar[]; top?: number; whole?: number }) {
  const s = useSpeech();
  if (of.length === 0) return <p className="dim">{s.t('none')}</p>;
  const most = whole || Math.max(...of.map((b) => b.value), 0) || 1;
  return (
    <div className="bars">
      {of.slice(0, top).map((b) => {
        const body = (
          <>
            <span title={b.label}>{b.label}</span>
            <span className="bar-track"><span className={`bar-fill ${b.bad ? 'bad' : ''}`} style={{ width: `${(100 * b.value) / most}%` }} /></span>
            <span className="num">{b.text ?? count(s, b.value)}</span>
          </>
        );
        return b.to ? <Link key={b.key} to={b.to} className="bar">{body}</Link> : <div key={b.key} className="bar">{body}</div>;
      })}
    </div>
  );
}
