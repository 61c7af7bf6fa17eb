"""The database: connections, migrations, assets and the work that is due."""
