import { Alert } from 'antd';
import type { Failure } from '../api/client';
import { useSpeech } from '../i18n';
import { Trouble } from './show';

/** Refused says that what was asked for was not done, and why; nothing is lost. */
export function Refused({ failure }: { failure: Failure }) {
  const s = useSpeech();
  if (failure.status === 0 || failure.status === 401 || failure.status === 403 || failure.status === 429 || failure.status === 501) return <Trouble failure={failure} />;
  return <Alert type="error" showIcon role="alert" message={s.t('notDone')} description={<bdi>{failure.detail} ({failure.status})</bdi>} />;
}
