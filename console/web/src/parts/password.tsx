import { App, Form, Input, Modal } from 'antd';
import { api } from '../api/client';
import { useSend } from '../api/send';
import { useSpeech } from '../i18n';

type Fields = { old: string; new: string };

/** Password lets somebody change their own password. */
export function Password({ open, close }: { open: boolean; close: () => void }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const { busy, failure, send } = useSend();
  const wrong = failure && (failure.detail || s.t('noAnswer'));
  const change = async (f: Fields): Promise<void> => {
    const outcome = await send(() => api.POST('/api/v1/me/password', { params: { header: {} }, body: f }));
    if (outcome.failure) return;
    form.resetFields();
    message.success(s.t('passwordDone'));
    close();
  };
  return (
    <Modal open={open} title={s.t('changePassword')} okText={s.t('save')} cancelText={s.t('cancel')} confirmLoading={busy} onOk={() => form.submit()} onCancel={close} destroyOnHidden>
      <Form form={form} layout="vertical" onFinish={(f) => void change(f)}>
        <Form.Item name="old" label={s.t('oldPassword')} rules={[{ required: true }]} validateStatus={wrong ? 'error' : undefined} help={wrong}><Input.Password autoComplete="current-password" /></Form.Item>
        <Form.Item name="new" label={s.t('newPassword')} rules={[{ required: true, min: 12 }]}><Input.Password autoComplete="new-password" /></Form.Item>
      </Form>
    </Modal>
  );
}
