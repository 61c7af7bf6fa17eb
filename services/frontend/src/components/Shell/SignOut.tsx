import { useSession, useSignOut } from '../../hooks/useSession';
import { LeaveIcon } from '../icons';

/** Gives the token's cookie back; only there where a token is needed and was given. */
export function SignOut() {
  const session = useSession();
  const signOut = useSignOut();
  if (session?.needs_token !== true || !session.is_signed_in) return null;
  return (
    <button
      type="button"
      className="round"
      aria-label="Sign out"
      title="Sign out"
      disabled={signOut.isPending}
      onClick={() => {
        signOut.mutate(undefined);
      }}
    >
      <LeaveIcon />
    </button>
  );
}
