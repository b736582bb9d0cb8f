"""What apps above may want to hear about people. Receivers run inside the transaction."""

from __future__ import annotations

from django.dispatch import Signal

# Of `Invitation`: invitation, user, membership. Sent at every acceptance, also a repeated one, so
# what a receiver makes must be there once. It may return the address to land on.
invitation_accepted = Signal()

# Of `Membership`: membership, whenever somebody enters a project. A receiver returns what they may
# not do for the time being, each with the sentence for them: `{Capability: sentence}`.
capabilities_asked = Signal()

# Of `Membership`: project, user. The membership is gone already.
member_removed = Signal()

# Of `User`: user, whose name is neutral by now.
account_removed = Signal()
