import { Alert, Button, Empty, Skeleton, Space } from 'antd';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Failure } from '../api/client';
import type { Got } from '../api/use';
import { at, zoneText } from '../format';
import { useSpeech } from '../i18n';
import { called } from '../names';

/** Trouble says what went wrong, and what to do. */
export function Trouble({ failure, retry }: { failure: Failure; retry?: () => void }) {
  const s = useSpeech();
  const { status, detail, code } = failure;
  const what =
    status === 0 ? s.t('noAnswer') : status === 401 || status === 403 ? s.t('notAllowed') : status === 501 || code === 'nothing_here' ? s.t('notYet') : status === 404 ? s.t('notThere') : status === 400 ? s.t('badAsked') : status === 429 ? s.t('tooMany') : s.t('failed');
  return (
    <Alert
      type={status === 403 || status === 404 || status === 501 ? 'info' : 'error'}
      showIcon
      message={what}
      description={detail && status ? <span className="dim">{detail} ({status})</span> : undefined}
      action={retry && status !== 403 ? <Button size="small" onClick={retry}>{s.t('retry')}</Button> : undefined}
    />
  );
}

/** Loaded shows what was read, or why it was not. */
export function Loaded<T>({ got, children, rows = 4 }: { got: Got<T>; children: (data: T) => ReactNode; rows?: number }) {
  const s = useSpeech();
  if (got.failure && got.data === undefined) return <Trouble failure={got.failure} retry={got.reload} />;
  if (got.data === undefined) return <div role="status" aria-label={s.t('loading')}><Skeleton active title={false} paragraph={{ rows }} /></div>;
  return (
    <>
      {got.failure && <Trouble failure={got.failure} retry={got.reload} />}
      {children(got.data)}
    </>
  );
}

export function Nothing({ children }: { children: ReactNode }) {
  return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={<span className="dim">{children}</span>} />;
}

export function Severity({ of }: { of: string }) {
  const s = useSpeech();
  return <span className={`sev sev-${of}`}>{called(s, 'severity', of)}</span>;
}

export function State({ of }: { of: string }) {
  const s = useSpeech();
  return <span className={`state state-${of}`}>{called(s, 'state', of)}</span>;
}

/** Time shows an instant; the zone is in its hint and in the head of the page. */
export function Time({ of, how }: { of: string | null | undefined; how?: 'minute' | 'second' | 'day' }) {
  if (!of) return null;
  return <time className="num" dateTime={of} title={`${at(of, 'second')} ${zoneText()}`}>{at(of, how)}</time>;
}

/** Raw is text of a ledger or of a person: whatever it holds, it is shown as
 * text, on its own as to direction. */
export function Raw({ children }: { children: string | undefined }) {
  return <bdi className="raw">{children}</bdi>;
}

export function Panel({ title, extra, children, className, note }: { title: ReactNode; extra?: ReactNode; children: ReactNode; className?: string; note?: ReactNode }) {
  return (
    <section className={`panel ${className ?? ''}`}>
      <header className="panel-head">
        <h2>{title}</h2>
        {note && <span className="dim">{note}</span>}
        {extra && <Space className="panel-extra" wrap>{extra}</Space>}
      </header>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** Clauses lists clauses, none of them broken over lines. */
export function Clauses({ of }: { of: readonly string[] }) {
  return <>{of.map((c, i) => <span key={c}>{i > 0 && ' · '}<span className="nowrap">{c}</span></span>)}</>;
}

/** Figure is a number worth a glance. */
export function Figure({ label, value, to, tone, hint }: { label: string; value: ReactNode; to?: string; tone?: string; hint?: ReactNode }) {
  const body = (
    <>
      <span className="figure-label">{label}</span>
      <span className="figure-value num">{value}</span>
      {hint && <span className="figure-hint">{hint}</span>}
    </>
  );
  return to ? <Link to={to} className={`figure ${tone ?? ''}`}>{body}</Link> : <div className={`figure ${tone ?? ''}`}>{body}</div>;
}

/** Facts is a list of names and values. */
export function Pairs({ of }: { of: ReadonlyArray<readonly [ReactNode, ReactNode]> }) {
  return (
    <dl className="pairs">
      {of.map(([name, value], i) => (
        <div key={i}>
          <dt>{name}</dt>
          <dd>{value === '' || value === undefined || value === null ? <span className="dim">—</span> : value}</dd>
        </div>
      ))}
    </dl>
  );
}
