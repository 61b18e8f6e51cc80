import { App, Form, Input, Modal } from 'antd';
import { useState } from 'react';
import { api, failureOf } from '../api/client';
import { useSpeech } from '../i18n';

type Fields = { old: string; new: string };

/** Password lets somebody change their own password. */
export function Password({ open, close }: { open: boolean; close: () => void }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const send = async (f: Fields): Promise<void> => {
    setBusy(true);
    const { error, response } = await api.POST('/api/v1/me/password', { params: { header: {} }, body: f });
    setBusy(false);
    if (!response.ok) {
      setWrong(failureOf(response, error).detail);
      return;
    }
    form.resetFields();
    message.success(s.t('passwordDone'));
    close();
  };
  return (
    <Modal open={open} title={s.t('changePassword')} okText={s.t('save')} cancelText={s.t('cancel')} confirmLoading={busy} onOk={() => form.submit()} onCancel={close} destroyOnHidden>
      <Form form={form} layout="vertical" onFinish={(f) => void send(f)}>
        <Form.Item name="old" label={s.t('oldPassword')} rules={[{ required: true }]} validateStatus={wrong ? 'error' : undefined} help={wrong || undefined}><Input.Password autoComplete="current-password" /></Form.Item>
        <Form.Item name="new" label={s.t('newPassword')} rules={[{ required: true, min: 12 }]}><Input.Password autoComplete="new-password" /></Form.Item>
      </Form>
    </Modal>
  );
}
