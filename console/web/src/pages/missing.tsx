import { Result } from 'antd';
import { isRouteErrorResponse, Link, useRouteError } from 'react-router';
import { useSpeech } from '../i18n';

export function Missing() {
  const s = useSpeech();
  return <Result status="404" title={s.t('notFound')} extra={<Link to="/">{s.t('overview')}</Link>} />;
}

/** Crash is shown when a page fails, so that the rest can still be reached. */
export function Crash() {
  const s = useSpeech();
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <Missing />;
  return <Result status="error" title={s.t('pageCrashed')} subTitle={error instanceof Error ? error.message : String(error)} extra={<a href="/">{s.t('overview')}</a>} />;
}
