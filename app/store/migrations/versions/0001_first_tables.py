"""The first tables: messages with their proofs, reports with their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates them."""
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
    op.create_table('heartbeat',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_heartbeat'))
    )
    op.create_table('messages',
    sa.Column('message_uuid', sa.String(), nullable=False),
    sa.Column('received_at', sa.Double(), nullable=False),
    sa.Column('sender', sa.String(), nullable=False),
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
    sa.Column('config', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('message_uuid', name=op.f('pk_messages'))
    )
    op.create_index(op.f('ix_messages_received_at'), 'messages', ['received_at'], unique=False)
    op.create_index(op.f('ix_messages_recipient'), 'messages', ['recipient'], unique=False)
    op.create_index(op.f('ix_messages_sender'), 'messages', ['sender'], unique=False)
    op.create_table('pauses',
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('paused_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_pauses'))
    )
    op.create_table('proofs',
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('value', sa.LargeBinary(), nullable=False),
    sa.Column('bound_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_proofs'))
    )
    op.create_index(op.f('ix_proofs_bound_at'), 'proofs', ['bound_at'], unique=False)
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
    sa.Column('route', sa.String(), nullable=True),
    sa.Column('rule', sa.String(), nullable=True),
    sa.Column('signed_by', sa.String(), nullable=False),
    sa.Column('parameters', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reports'))
    )
    op.create_index(op.f('ix_reports_in_reply_to'), 'reports', ['in_reply_to'], unique=False)
    op.create_index(op.f('ix_reports_message_uuid'), 'reports', ['message_uuid'], unique=False)
    op.create_index(op.f('ix_reports_received_at'), 'reports', ['received_at'], unique=False)
    op.create_index(op.f('ix_reports_recipient'), 'reports', ['recipient'], unique=False)
    op.create_index(op.f('ix_reports_sender'), 'reports', ['sender'], unique=False)
    op.create_table('deliveries',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('report_id', sa.String(), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.Double(), nullable=False),
    sa.Column('lease', sa.String(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('settled_at', sa.Double(), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_deliveries_report_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('report_id', 'target', name=op.f('uq_deliveries_report_id_target'))
    )
    op.create_index('ix_deliveries_lane', 'deliveries', ['target', 'state', 'due_at'], unique=False)
