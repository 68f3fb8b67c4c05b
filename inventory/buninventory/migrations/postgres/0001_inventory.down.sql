DROP TABLE inventory_coverage;
DROP TABLE inventory_reports;
DROP TABLE inventory_scopes;
DROP TABLE inventory_kinds;
DROP TABLE inventory_contents;
DROP TABLE inventory_links;
DROP TABLE inventory_items;
