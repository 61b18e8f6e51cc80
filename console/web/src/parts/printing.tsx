import { PrinterOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { at, zoneText } from '../format';
import { useSpeech } from '../i18n';
import '../style/more.css';

/** Printing is the button that prints a page; on paper it leaves when that was
 * and in which zone the times are, which the head of the page says on a screen. */
export function Printing() {
  const s = useSpeech();
  return (
    <>
      <Button className="no-print" icon={<PrinterOutlined />} onClick={() => print()}>{s.t('print')}</Button>
      <span className="print-only">{at(new Date().toISOString(), 'second')} {zoneText()}</span>
    </>
  );
}
