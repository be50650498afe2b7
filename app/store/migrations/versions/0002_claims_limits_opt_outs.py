"""What is claimed, counted and cooling down; who has opted out."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the tables."""
    op.create_table('claims',
    sa.Column('message_uuid', sa.String(), nullable=False),
    sa.Column('owner', sa.String(), nullable=False),
    sa.Column('until', sa.Double(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('message_uuid', name=op.f('pk_claims'))
    )
    op.create_index(op.f('ix_claims_owner'), 'claims', ['owner'], unique=False)
    op.create_index(op.f('ix_claims_person'), 'claims', ['person'], unique=False)
    op.create_index(op.f('ix_claims_until'), 'claims', ['until'], unique=False)
    op.create_table('cooldowns',
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('message_uuid', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('number', 'person', 'key', name=op.f('pk_cooldowns'))
    )
    op.create_index(op.f('ix_cooldowns_at'), 'cooldowns', ['at'], unique=False)
    op.create_index(op.f('ix_cooldowns_person'), 'cooldowns', ['person'], unique=False)
    op.create_table('opt_outs',
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('message_uuid', sa.String(), nullable=True),
    sa.Column('word', sa.String(), nullable=False),
    sa.Column('signed_by', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('ended_at', sa.Double(), nullable=True),
    sa.Column('ended_by', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('number', 'person', name=op.f('pk_opt_outs'))
    )
    op.create_index(op.f('ix_opt_outs_person'), 'opt_outs', ['person'], unique=False)
    op.create_table('replies',
    sa.Column('message_uuid', sa.String(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('text_key', sa.String(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('message_uuid', name=op.f('pk_replies'))
    )
    op.create_index(op.f('ix_replies_at'), 'replies', ['at'], unique=False)
    op.create_index('ix_replies_pair', 'replies', ['number', 'person', 'at'], unique=False)
    op.create_index(op.f('ix_replies_person'), 'replies', ['person'], unique=False)
    op.create_table('spending',
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('slot', sa.Integer(), nullable=False),
    sa.Column('units', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('scope', 'slot', name=op.f('pk_spending'))
    )
