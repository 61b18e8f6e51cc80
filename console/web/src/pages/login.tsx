import { Alert, Button, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { api, failureOf, setCSRF } from '../api/client';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { usePrefs } from '../prefs';

type Fields = { name: string; password: string };

/** localPath is where to go after a login: a page of this console and nothing
 * else. Browsers take two slashes, or a backslash, for another host. */
export function localPath(next: string | null): string {
  return next && /^\/(?![/\\])[^\\\s]*$/.test(next) && !next.startsWith('/api/') && !next.startsWith('/login') ? next : '/';
}

export default function Login() {
  const s = useSpeech();
  const { me, ended, reload } = useMe();
  const { lang, setLang } = usePrefs();
  const go = useNavigate();
  const [asked] = useSearchParams();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const next = localPath(asked.get('next'));
  useEffect(() => {
    document.title = `${s.t('login')} · Linewarden`;
    if (me?.authenticated) void go(next, { replace: true });
  }, [s, me, next, go]);
  const send = async (f: Fields): Promise<void> => {
    setBusy(true);
    setProblem('');
    try {
      const { data, error, response } = await api.POST('/api/v1/session', { params: { header: {} }, body: f });
      if (data) {
        setCSRF(data.csrf_token);
        reload();
        return;
      }
      setProblem(failureOf(response, error).detail || s.t('loginFailed'));
    } catch {
      setProblem(s.t('noAnswer'));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <div className="login-box">
        <div className="login-brand"><img src="/assets/mark.svg" alt="" width="40" height="40" /><div><h1>Linewarden</h1><span className="dim">{s.t('product')}{me?.carrier ? ` · ${me.carrier}` : ''}</span></div></div>
        {me?.setup_needed && <Alert type="info" showIcon message={s.t('setupNeeded')} />}
        {ended && <Alert type="warning" showIcon message={s.t('sessionEnded')} />}
        {problem && <Alert type="error" showIcon message={problem} role="alert" />}
        <Form<Fields> layout="vertical" size="large" requiredMark={false} onFinish={(f) => void send(f)}>
          <Form.Item name="name" label={s.t('name')} rules={[{ required: true, message: s.t('name') }]}><Input autoComplete="username" autoFocus /></Form.Item>
          <Form.Item name="password" label={s.t('password')} rules={[{ required: true, message: s.t('password') }]}><Input.Password autoComplete="current-password" /></Form.Item>
          <Button type="primary" htmlType="submit" block loading={busy}>{s.t('login')}</Button>
        </Form>
        {me?.single_sign_on && <Button block href={`${me.single_sign_on}?${new URLSearchParams({ next, ...(lang === 'en' ? { lang } : {}) })}`}>{s.t('sso')}</Button>}
        <Button type="link" lang={lang === 'zh' ? 'en' : 'zh-CN'} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>{s.t('language')}</Button>
        <p className="dim">{s.t('disclaimer')}</p>
      </div>
    </main>
  );
}
