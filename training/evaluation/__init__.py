"""What a bundle is worth, beside baselines and beside another bundle, in tables and pages."""
