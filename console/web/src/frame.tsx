import { AlertOutlined, AuditOutlined, BookOutlined, ClusterOutlined, DashboardOutlined, DatabaseOutlined, FileTextOutlined, GlobalOutlined, MoonOutlined, NodeIndexOutlined, QuestionCircleOutlined, ReadOutlined, SafetyOutlined, SettingOutlined, SunOutlined, TeamOutlined, UserOutlined } from '@ant-design/icons';
import { Button, Dropdown, Input, Menu, Modal, Spin, type InputRef } from 'antd';
import { Suspense, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { zoneText } from './format';
import { useSpeech } from './i18n';
import { useMe, type Ability } from './me';
import { called, province } from './names';
import { Password } from './parts/password';
import { Trouble } from './parts/show';
import { useKeys } from './parts/keys';
import { usePrefs } from './prefs';
import type { Word } from './words';

type Place = { path: string; word: Word; icon: ReactNode; needs?: Ability };

const places: Place[] = [
  { path: '/', word: 'overview', icon: <DashboardOutlined /> },
  { path: '/findings', word: 'findings', icon: <AlertOutlined />, needs: 'findings' },
  { path: '/lines', word: 'lines', icon: <GlobalOutlined />, needs: 'network' },
  { path: '/resources', word: 'resources', icon: <ClusterOutlined />, needs: 'network' },
  { path: '/routes', word: 'routes', icon: <NodeIndexOutlined />, needs: 'network' },
  { path: '/ledgers', word: 'ledgers', icon: <DatabaseOutlined />, needs: 'ledgers' },
  { path: '/rules', word: 'rules', icon: <SafetyOutlined />, needs: 'ledgers' },
  { path: '/reports', word: 'reports', icon: <FileTextOutlined />, needs: 'reports' },
  { path: '/system', word: 'system', icon: <SettingOutlined />, needs: 'network' },
  { path: '/users', word: 'users', icon: <TeamOutlined />, needs: 'administer' },
  { path: '/audit', word: 'audit', icon: <AuditOutlined />, needs: 'administer' },
  { path: '/manual', word: 'manual', icon: <BookOutlined /> },
];

function useTitle(): void {
  const s = useSpeech();
  const { me } = useMe();
  const { pathname } = useLocation();
  useEffect(() => {
    const here = places.find((p) => p.path !== '/' && pathname.startsWith(p.path)) ?? places[0];
    document.title = `${here ? s.t(here.word) : ''} · ${me?.carrier ?? ''} · Linewarden`;
  }, [s, me, pathname]);
}

function Keyboard({ open, close }: { open: boolean; close: () => void }) {
  const s = useSpeech();
  const rows: [string, Word][] = [['/', 'keySearch'], ['j', 'keyNext'], ['k', 'keyBefore'], ['Enter', 'keyOpen'], ['x', 'keyMark'], ['1 2 3 4', 'keyPage'], ['?', 'keyHelp']];
  return (
    <Modal open={open} onCancel={close} footer={null} title={s.t('keys')} width={420}>
      <table className="plain">
        <tbody>{rows.map(([key, word]) => <tr key={key}><td>{key.split(' ').map((k) => <kbd key={k}>{k}</kbd>)}</td><td>{s.t(word)}</td></tr>)}</tbody>
      </table>
    </Modal>
  );
}

function Head({ field, help }: { field: React.RefObject<InputRef>; help: () => void }) {
  const s = useSpeech();
  const { me, can, logout } = useMe();
  const { lang, setLang, shade, setShade } = usePrefs();
  const go = useNavigate();
  const [changing, setChanging] = useState(false);
  const provinces = me?.provinces.map((p) => province(s, p)).join(' ') ?? '';
  return (
    <header className="head no-print">
      <Link to="/" className="brand"><img src="/assets/mark.svg" alt="" width="26" height="26" /><strong>Linewarden</strong><span className="dim brand-sub">{me?.carrier}</span></Link>
      {can('network') && (
        <Input.Search
          ref={field}
          className="head-search"
          aria-label={s.t('search')}
          placeholder={s.t('searchAll')}
          allowClear
          enterButton={false}
          onSearch={(q) => q.trim() && go(`/resources?q=${encodeURIComponent(q.trim())}`)}
        />
      )}
      <div className="head-right">
        <span className="dim zone" title={s.t('zone')}>{zoneText()}</span>
        <Button type="text" icon={<QuestionCircleOutlined />} aria-label={s.t('keys')} onClick={help} />
        <Button type="text" icon={shade === 'dark' ? <SunOutlined /> : <MoonOutlined />} aria-label={s.t('theme')} onClick={() => setShade(shade === 'dark' ? 'light' : 'dark')} />
        <Button type="text" lang={lang === 'zh' ? 'en' : 'zh-CN'} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>{s.t('language')}</Button>
        {me?.authenticated ? (
          <Dropdown
            trigger={['click']}
            menu={{
              items: [
                { key: 'who', disabled: true, label: `${called(s, 'role', me.role)}${provinces ? ` · ${provinces}` : ''}` },
                ...(me.federated ? [] : [{ key: 'password', label: s.t('changePassword') }]),
                { key: 'logout', label: s.t('logout') },
              ],
              onClick: ({ key }) => {
                if (key === 'password') setChanging(true);
                if (key === 'logout') void logout().then(() => go('/login'));
              },
            }}
          >
            <Button type="text" icon={<UserOutlined />}>{me.name}</Button>
          </Dropdown>
        ) : me?.open ? (
          <span className="dim open-reading"><ReadOutlined /> {s.t('openReading')}</span>
        ) : null}
      </div>
      <Password open={changing} close={() => setChanging(false)} />
    </header>
  );
}

function Side() {
  const s = useSpeech();
  const { can } = useMe();
  const { pathname } = useLocation();
  const items = useMemo(
    () => places.filter((p) => !p.needs || can(p.needs)).map((p) => ({ key: p.path, icon: p.icon, label: <Link to={p.path}>{s.t(p.word)}</Link> })),
    [s, can],
  );
  const here = places.find((p) => p.path !== '/' && (pathname === p.path || pathname.startsWith(`${p.path}/`)))?.path ?? '/';
  return (
    <nav className="side no-print" aria-label="Linewarden">
      <Menu mode="inline" selectedKeys={[here]} items={items} />
    </nav>
  );
}

/** Frame is what is around every page: where one is, who one is, and where else
 * one may go. Who is nobody is sent to log in. */
export function Frame() {
  const s = useSpeech();
  const { me, failure, can, reload } = useMe();
  const go = useNavigate();
  const { pathname, search } = useLocation();
  const field = useRef<InputRef>(null);
  const [help, setHelp] = useState(false);
  useTitle();
  const jump = (path: string, needs?: Ability) => () => {
    if (!needs || can(needs)) void go(path);
  };
  useKeys({
    '/': () => field.current?.focus({ cursor: 'all' }),
    '?': () => setHelp(true),
    1: jump('/'),
    2: jump('/findings', 'findings'),
    3: jump('/lines', 'network'),
    4: jump('/resources', 'network'),
  });
  const nobody = me !== undefined && !me.authenticated && !me.open;
  useEffect(() => {
    if (nobody && pathname !== '/login') void go(`/login?next=${encodeURIComponent(pathname + search)}`, { replace: true });
  }, [nobody, pathname, search, go]);
  const waiting = <div className="waiting" role="status" aria-label={s.t('loading')}><Spin /></div>;
  if (failure && !me) return <main className="alone"><Trouble failure={failure} retry={reload} /></main>;
  if (!me || (nobody && pathname !== '/login')) return waiting;
  if (pathname === '/login' || pathname === '/wall') return <Suspense fallback={waiting}><Outlet /></Suspense>;
  const needs = places.find((p) => p.path !== '/' && (pathname === p.path || pathname.startsWith(`${p.path}/`)))?.needs;
  return (
    <div className="frame">
      <Head field={field} help={() => setHelp(true)} />
      <Side />
      <main className="page">
        <Suspense fallback={waiting}>{needs && !can(needs) ? <Trouble failure={{ status: 403, detail: '' }} /> : <Outlet />}</Suspense>
        <footer className="foot dim">{s.t('disclaimer')}</footer>
      </main>
      <Keyboard open={help} close={() => setHelp(false)} />
    </div>
  );
}
