import type { Registration, RegistrationStatus } from '../../api/types';
import { ScopedButton } from '../../ui/scoped';
import { When } from '../../ui/when';

/** Printers that ask to be registered, and what can be decided about each. */
export function RegistrationTable({
  registrations,
  decide,
  forget,
}: {
  registrations: readonly Registration[];
  decide: (one: Registration, to: RegistrationStatus) => void;
  /** Forgets that a printer has asked: it may ask again. */
  forget: (one: Registration) => void;
}) {
  return (
    <table class="cards registrations">
      <thead>
        <tr>
          <th scope="col">Printer</th>
          <th scope="col">Board</th>
          <th scope="col">Owner</th>
          <th scope="col">Address</th>
          <th scope="col">Key</th>
          <th scope="col">Requested</th>
          <th scope="col">Decision</th>
        </tr>
      </thead>
      <tbody>
        {registrations.map((one) => (
          <tr key={one.printer_id}>
            <td>
              <b>{one.printer_name}</b>
              <div class="mono hint">{one.printer_id}</div>
            </td>
            <td data-label="Board">{one.platform ?? '–'}</td>
            <td data-label="Owner">
              <span class="mono" title={one.user_id}>
                {one.user_id.slice(0, 8)}
              </span>
            </td>
            <td data-label="Address">{one.address}</td>
            <td data-label="Key">{one.has_key ? 'yes' : 'no'}</td>
            <td data-label="Requested">
              <When at={one.requested_at} />
            </td>
            <td>
              <div class="actions">
                {one.status !== 'accepted' && (
                  <ScopedButton scope="admin" class="small" onClick={() => decide(one, 'accepted')}>
                    Accept
                    <Whom one={one} />
                  </ScopedButton>
                )}
                {one.status !== 'rejected' && (
                  <ScopedButton
                    scope="admin"
                    class="small danger quiet"
                    title="It cannot connect until you accept it"
                    onClick={() => decide(one, 'rejected')}
                  >
                    Reject
                    <Whom one={one} />
                  </ScopedButton>
                )}
                {one.status !== 'pending' && (
                  <ScopedButton scope="admin" class="small quiet" onClick={() => forget(one)}>
                    Forget
                    <Whom one={one} />
                  </ScopedButton>
                )}
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Whom({ one }: { one: Registration }) {
  return <span class="visually-hidden"> {one.printer_name}</span>;
}
