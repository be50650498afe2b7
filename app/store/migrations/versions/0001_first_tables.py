"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    if op.get_bind().dialect.name == "postgresql":
        clock = "SELECT extract(epoch FROM clock_timestamp())::double precision"
        op.execute(f"CREATE FUNCTION autoreply_now() RETURNS double precision LANGUAGE sql VOLATILE AS $$ {clock} $$")
    op.create_table('actions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('who', sa.String(), nullable=False),
    sa.Column('what', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_actions'))
    )
    op.create_table('cooldowns',
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('message_uuid', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('person', 'number', 'key', name=op.f('pk_cooldowns'))
    )
    op.create_index(op.f('ix_cooldowns_at'), 'cooldowns', ['at'], unique=False)
    op.create_table('heartbeat',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_heartbeat'))
    )
    op.create_table('instances',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('seen_at', sa.Double(), nullable=False),
    sa.Column('stopped', sa.Integer(), nullable=False),
    sa.Column('facts', sa.Text(), nullable=False),
    sa.Column('targets', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_instances'))
    )
    op.create_table('messages',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('message_uuid', sa.String(), nullable=False),
    sa.Column('received_at', sa.Double(), nullable=False),
    sa.Column('sender', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('recipient', sa.String(), nullable=False),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('intent', sa.String(), nullable=False),
    sa.Column('text', sa.Text(), nullable=True),
    sa.Column('units', sa.Integer(), nullable=True),
    sa.Column('media', sa.Text(), nullable=False),
    sa.Column('route', sa.String(), nullable=True),
    sa.Column('rule', sa.String(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('steps', sa.Text(), nullable=False),
    sa.Column('xml', sa.LargeBinary(), nullable=False),
    sa.Column('signed_by', sa.String(), nullable=False),
    sa.Column('token', sa.Integer(), nullable=False),
    sa.Column('config', sa.String(), nullable=False),
    sa.Column('parameters', sa.Text(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('counted', sa.Integer(), nullable=False),
    sa.Column('text_key', sa.String(), nullable=True),
    sa.Column('reply_units', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(), nullable=True),
    sa.Column('claimed_until', sa.Double(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('calls', sa.Text(), nullable=True),
    sa.Column('answered_at', sa.Double(), nullable=True),
    sa.Column('handed_over_at', sa.Double(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages')),
    sa.UniqueConstraint('message_uuid', name=op.f('uq_messages_message_uuid')),
    sqlite_autoincrement=True,
    )
    op.create_index('ix_messages_pending', 'messages', ['id'], unique=False, sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'"))
    op.create_index('ix_messages_person', 'messages', ['person', 'counted'], unique=False)
    op.create_table('opt_outs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('opted_out', sa.Integer(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('message_uuid', sa.String(), nullable=True),
    sa.Column('word', sa.String(), nullable=False),
    sa.Column('signed_by', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opt_outs'))
    )
    op.create_index(op.f('ix_opt_outs_person'), 'opt_outs', ['person'], unique=False)
    op.create_table('pauses',
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('paused_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_pauses'))
    )
    op.create_table('probe_requests',
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('asked_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_probe_requests'))
    )
    op.create_table('proofs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('value', sa.LargeBinary(), nullable=False),
    sa.Column('bound_at', sa.Double(), nullable=False),
    sa.Column('opt_out', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_proofs')),
    sa.UniqueConstraint('key', name=op.f('uq_proofs_key')),
    sqlite_autoincrement=True,
    )
    op.create_table('reports',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('received_at', sa.Double(), nullable=False),
    sa.Column('message_uuid', sa.String(), nullable=False),
    sa.Column('in_reply_to', sa.String(), nullable=True),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=True),
    sa.Column('error_code', sa.String(), nullable=False),
    sa.Column('units', sa.Integer(), nullable=True),
    sa.Column('sender', sa.String(), nullable=False),
    sa.Column('recipient', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('route', sa.String(), nullable=True),
    sa.Column('rule', sa.String(), nullable=True),
    sa.Column('signed_by', sa.String(), nullable=False),
    sa.Column('parameters', sa.Text(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reports'))
    )
    op.create_index(op.f('ix_reports_in_reply_to'), 'reports', ['in_reply_to'], unique=False)
    op.create_index(op.f('ix_reports_message_uuid'), 'reports', ['message_uuid'], unique=False)
    op.create_index(op.f('ix_reports_person'), 'reports', ['person'], unique=False)
    op.create_index(op.f('ix_reports_received_at'), 'reports', ['received_at'], unique=False)
    op.create_table('provisioned_applications',
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('app_id', sa.String(), nullable=True),
    sa.Column('fields', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('account', 'name', name=op.f('pk_provisioned_applications'))
    )
    op.create_table('provisioned_numbers',
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('our_number', sa.String(), nullable=False),
    sa.Column('app_id', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('account', 'our_number', name=op.f('pk_provisioned_numbers'))
    )
    op.create_table('spending',
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('slot', sa.Integer(), nullable=False),
    sa.Column('units', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('scope', 'slot', name=op.f('pk_spending'))
    )
    op.create_table('sweeps',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_sweeps'))
    )
    op.create_table('deliveries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('report_id', sa.String(), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.Double(), nullable=False),
    sa.Column('lease', sa.String(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('replayed_at', sa.Double(), nullable=True),
    sa.Column('settled_at', sa.Double(), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_deliveries_report_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('report_id', 'target', name=op.f('uq_deliveries_report_id_target'))
    )
    op.create_index('ix_deliveries_age', 'deliveries', ['created_at'], unique=False, sqlite_where=sa.text("state = 'due'"), postgresql_where=sa.text("state = 'due'"))
    op.create_index('ix_deliveries_dead', 'deliveries', ['target', 'id'], unique=False, sqlite_where=sa.text("state = 'dead'"), postgresql_where=sa.text("state = 'dead'"))
    op.create_index('ix_deliveries_due', 'deliveries', ['target', 'due_at'], unique=False, sqlite_where=sa.text("state = 'due'"), postgresql_where=sa.text("state = 'due'"))
    op.create_table('tries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('delivery_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('seconds', sa.Double(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('response', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['delivery_id'], ['deliveries.id'], name=op.f('fk_tries_delivery_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tries')),
    sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_tries_delivery_id'), 'tries', ['delivery_id'], unique=False)
