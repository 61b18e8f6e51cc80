import { Alert, App, Button, DatePicker, Form, Input, Modal, Popconfirm, Select, Space, Table } from 'antd';
import type { Dayjs } from 'dayjs';
import '../style/more.css';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { sent, useSend } from '../api/send';
import { useGet } from '../api/use';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, province, provinceCodes } from '../names';
import { Refused } from '../parts/refused';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel, Raw, Time } from '../parts/show';

type User = Schemas['User'];
type Token = Schemas['Token'];

const roles = ['noc', 'compliance', 'regulator', 'admin'];

function Provinces({ of }: { of: string[] }) {
  const s = useSpeech();
  return <>{of.length === 0 ? s.t('country_all') : of.map((p) => province(s, p)).join(s.lang === 'zh' ? '、' : ', ')}</>;
}

function RoleFields() {
  const s = useSpeech();
  return (
    <>
      <Form.Item name="role" label={s.t('role')} rules={[{ required: true }]}><Select options={roles.map((r) => ({ value: r, label: called(s, 'role', r) }))} /></Form.Item>
      <Form.Item name="provinces" label={s.t('provinces')} extra={s.t('peoAllProvinces')}>
        <Select mode="multiple" allowClear optionFilterProp="label" options={provinceCodes.map((p) => ({ value: p, label: province(s, p) }))} />
      </Form.Item>
    </>
  );
}

type UserFields = { name: string; role: string; provinces?: string[]; password?: string };

/** UserForm adds a user, or changes the one it is given. */
function UserForm({ of, close, saved }: { of: User | undefined; close: () => void; saved: () => void }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const [form] = Form.useForm<UserFields>();
  const { busy, failure, send } = useSend();
  const save = async (f: UserFields): Promise<void> => {
    const provinces = f.provinces ?? [];
    // What is not changed is not sent: a password that is sent unlocks.
    const { data } = of
      ? await send(() => api.PATCH('/api/v1/users/{name}', { params: { path: { name: of.name }, header: {} }, body: { role: f.role, provinces, ...(f.password ? { password: f.password } : {}) } as Schemas['UserChange'] }))
      : await send(() => api.POST('/api/v1/users', { params: { header: {} }, body: { name: f.name, role: f.role, provinces, password: f.password ?? '' } }));
    if (!data) return;
    message.success(s.t('done'));
    saved();
    close();
  };
  return (
    <Modal open title={of ? `${s.t('changeUser')} ${of.name}` : s.t('addUser')} okText={s.t('save')} cancelText={s.t('cancel')} confirmLoading={busy} onOk={() => form.submit()} onCancel={close}>
      {failure && <Refused failure={failure} />}
      <Form<UserFields> form={form} layout="vertical" onFinish={(f) => void save(f)} initialValues={{ name: of?.name, role: of?.role ?? 'compliance', provinces: of?.provinces ?? [] }}>
        {!of && <Form.Item name="name" label={s.t('name')} rules={[{ required: true, pattern: /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,63}$/u, message: s.t('peoNameRule') }]}><Input autoComplete="off" maxLength={64} /></Form.Item>}
        <RoleFields />
        <Form.Item name="password" label={s.t('newPassword')} extra={of ? s.t('peoKeepPassword') : undefined} rules={[{ required: !of, min: 12, message: s.t('newPassword') }]}><Input.Password autoComplete="new-password" /></Form.Item>
      </Form>
    </Modal>
  );
}

function Users() {
  const s = useSpeech();
  const { me } = useMe();
  const { message } = App.useApp();
  const got = useGet('/api/v1/users', {});
  const [edited, setEdited] = useState<User | 'new'>();
  const remove = async (u: User): Promise<void> => {
    const { failure } = await sent(api.DELETE('/api/v1/users/{name}', { params: { path: { name: u.name }, header: {} } }));
    if (failure) message.error(failure.detail || s.t('failed'));
    else message.success(s.t('done'));
    got.reload();
  };
  const locked = (u: User): boolean => u.locked_until !== null && Date.parse(u.locked_until ?? '') > Date.now();
  return (
    <Panel title={s.t('users')} extra={<Button type="primary" className="no-print" onClick={() => setEdited('new')}>{s.t('addUser')}</Button>}>
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('peoNoUsers')}</Nothing> : (
            <Table
              size="small"
              rowKey="name"
              scroll={{ x: 'max-content' }}
              pagination={{ pageSize: 50, hideOnSinglePage: true }}
              dataSource={list}
              columns={[
                { title: s.t('name'), render: (_, u) => <strong><Raw>{u.name}</Raw></strong> },
                { title: s.t('role'), render: (_, u) => called(s, 'role', u.role) },
                { title: s.t('provinces'), render: (_, u) => <Provinces of={u.provinces} /> },
                { title: s.t('created'), render: (_, u) => <Time of={u.created} /> },
                { title: s.t('passwordChanged'), render: (_, u) => <Time of={u.password_changed} /> },
                { title: s.t('lockedUntil'), render: (_, u) => (locked(u) ? <span className="bad"><Time of={u.locked_until} how="second" /></span> : '') },
                {
                  title: s.t('action'), className: 'no-print', render: (_, u) => (
                    <Space>
                      <Button size="small" onClick={() => setEdited(u)}>{s.t('changeUser')}</Button>
                      {u.name !== me?.name && <Popconfirm title={s.t('removeSure', { n: u.name })} okText={s.t('remove')} cancelText={s.t('cancel')} onConfirm={() => remove(u)}><Button size="small" danger>{s.t('remove')}</Button></Popconfirm>}
                    </Space>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {edited && <UserForm of={edited === 'new' ? undefined : edited} close={() => setEdited(undefined)} saved={got.reload} />}
    </Panel>
  );
}

type TokenFields = { name: string; role: string; provinces?: string[]; expires?: Dayjs };

function TokenForm({ close, made }: { close: () => void; made: () => void }) {
  const s = useSpeech();
  const [form] = Form.useForm<TokenFields>();
  const { busy, failure, send } = useSend();
  const [secret, setSecret] = useState('');
  const save = async (f: TokenFields): Promise<void> => {
    // A token has a role of its own, so that it outlives the person who made it.
    const body = { name: f.name, role: f.role, provinces: f.provinces ?? [], ...(f.expires ? { expires: f.expires.toISOString() } : {}) };
    const { data } = await send(() => api.POST('/api/v1/tokens', { params: { header: {} }, body: body as Schemas['TokenRequest'] }));
    if (!data) return;
    setSecret(data.secret);
    made();
  };
  if (secret)
    return (
      <Modal open title={s.t('addToken')} onCancel={close} footer={<Button type="primary" onClick={close}>{s.t('close')}</Button>}>
        <Alert type="warning" showIcon message={s.t('tokenOnce')} description={<code className="secret">{secret}</code>} />
      </Modal>
    );
  return (
    <Modal open title={s.t('addToken')} okText={s.t('save')} cancelText={s.t('cancel')} confirmLoading={busy} onOk={() => form.submit()} onCancel={close}>
      {failure && <Refused failure={failure} />}
      <Form<TokenFields> form={form} layout="vertical" onFinish={(f) => void save(f)} initialValues={{ role: 'noc' }}>
        <Form.Item name="name" label={s.t('purpose')} rules={[{ required: true, message: s.t('purpose') }]}><Input maxLength={64} /></Form.Item>
        <RoleFields />
        <Form.Item name="expires" label={s.t('expires')}><DatePicker showTime placeholder={s.t('never')} /></Form.Item>
      </Form>
    </Modal>
  );
}

function Tokens() {
  const s = useSpeech();
  const { message } = App.useApp();
  const got = useGet('/api/v1/tokens', {});
  const [adding, setAdding] = useState(false);
  const revoke = async (t: Token): Promise<void> => {
    const { failure } = await sent(api.DELETE('/api/v1/tokens/{id}', { params: { path: { id: t.id }, header: {} } }));
    if (failure) message.error(failure.detail || s.t('failed'));
    got.reload();
  };
  return (
    <Panel title={s.t('tokens')} extra={<Button type="primary" className="no-print" onClick={() => setAdding(true)}>{s.t('addToken')}</Button>}>
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('noTokens')} {s.t('peoTokenNext')}</Nothing> : (
            <Table
              size="small"
              rowKey="id"
              pagination={{ pageSize: 50, hideOnSinglePage: true }}
              dataSource={list}
              columns={[
                { title: s.t('purpose'), render: (_, t) => <Raw>{t.name}</Raw> },
                { title: 'ID', render: (_, t) => <span className="mono">{t.id}</span> },
                { title: s.t('name'), render: (_, t) => (t.user ? <Raw>{t.user}</Raw> : <span className="dim">{s.t('peoOwnRole')}</span>) },
                { title: s.t('role'), render: (_, t) => called(s, 'role', t.role) },
                { title: s.t('provinces'), render: (_, t) => <Provinces of={t.provinces} /> },
                { title: s.t('created'), render: (_, t) => <Time of={t.created} /> },
                { title: s.t('expires'), render: (_, t) => (t.expires ? <Time of={t.expires} /> : s.t('never')) },
                { title: s.t('action'), className: 'no-print', render: (_, t) => <Popconfirm title={`${s.t('revoke')} ${t.name}?`} okText={s.t('revoke')} cancelText={s.t('cancel')} onConfirm={() => revoke(t)}><Button size="small" danger>{s.t('revoke')}</Button></Popconfirm> },
              ]}
            />
          )
        }
      </Loaded>
      {adding && <TokenForm close={() => setAdding(false)} made={got.reload} />}
    </Panel>
  );
}

/** People is who may do what: users, and the tokens of programs. */
export default function People() {
  const s = useSpeech();
  return (
    <>
      <div className="title"><h1>{s.t('users')}</h1><div className="title-right"><Printing /></div></div>
      <Users />
      <Tokens />
    </>
  );
}
