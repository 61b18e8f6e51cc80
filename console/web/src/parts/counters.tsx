import { Link } from 'react-router';
import type { Schemas } from '../api/client';
import { count, span } from '../format';
import { useSpeech } from '../i18n';
import { called } from '../names';

type Compared = Pick<Schemas['Counters'], 'state' | 'ratio' | 'low' | 'high' | 'cause'>;

const tones: Readonly<Record<string, string>> = { agree: 'good', disagree: 'bad' };

/** Agreement says whether flows and counters go together, by how much they do
 * not, and the likeliest cause. */
export function Agreement({ of }: { of: Compared }) {
  const s = useSpeech();
  return (
    <>
      <span className={`nowrap ${tones[of.state] ?? 'dim'}`}>{called(s, 'counters', of.state)}</span>
      {of.state !== 'absent' && <> <span className="num">{span(of.ratio, of.low, of.high)}</span></>}
      {of.cause && <span className="sub dim">{called(s, 'countersCause', of.cause)}</span>}
    </>
  );
}

/** Directions counts what was compared, or says how there would be something. */
export function Directions({ of }: { of: Schemas['Counters'] }) {
  const s = useSpeech();
  if (of.agree + of.disagree + of.unsure + of.absent === 0) return <>{s.t('countersNone')} <Link to="/manual/completeness">{s.t('completeness')}</Link></>;
  return <>{s.t('countersOf', { a: count(s, of.agree), d: count(s, of.disagree), u: count(s, of.unsure), n: count(s, of.absent) })}</>;
}
